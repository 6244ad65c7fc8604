// sarsynth parity DIR: does this build, on this machine, compute what the reference computed?
using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Serialization;
using SarSynth.Diffusion;
using SarSynth.Diffusion.Checkpoints;
using Spectre.Console;
using static TorchSharp.torch;

namespace SarSynth.Parity;

internal static class Program
{
    // Python's NaN, for an output that nothing was computed for.
    private static readonly JsonSerializerOptions Indented = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true, NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    };

    internal static int Main(string[] args)
    {
        var folder = new Argument<string>("DIR")
        {
            Description = "Folder of recorded results at any depth: models, "
                + "schedulers, pipelines, LoRA, training, tokenizers.",
        };
        var device = new Option<string>("--device")
        {
            Description = ComputeDevice.Words + ".", DefaultValueFactory = _ => ComputeDevice.Auto,
        };
        var type = new Option<string>("--dtype")
        {
            Description = "float32, bfloat16 or float16.", DefaultValueFactory = _ => "float32",
        };
        type.AcceptOnlyFromAmong("float32", "bfloat16", "float16");
        var threads = new Option<int>("--threads")
        {
            Description = "Threads of the tensor engine, at least 1.", DefaultValueFactory = _ =>
                Environment.ProcessorCount,
        };
        var json = new Option<bool>("--json") { Description = "Print the answer as JSON, and nothing else." };
        var root = new RootCommand("Compares this build with recorded results of the reference library; "
            + "exits 1 on a miss.")
        {
            folder, device, type, threads, json,
        };
        root.SetAction(parsed => Run(parsed.GetRequiredValue(folder), parsed.GetRequiredValue(device),
            parsed.GetRequiredValue(type), parsed.GetValue(threads), parsed.GetValue(json)));
        var parsed = root.Parse(args);
        if (parsed.Errors.Count > 0)
            return Failed(parsed.Errors[0].Message);
        try
        {
            return parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
        }
        catch (Exception e) when (e is CheckpointException or ArgumentException
            or IOException or UnauthorizedAccessException)
        {
            return Failed(e.Message);
        }
    }

    private static int Run(string folder, string device, string type, int threads, bool json)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        set_num_threads(threads);
        var scalar = type switch
        {
            "bfloat16" => ScalarType.BFloat16, "float16" => ScalarType.Float16, _ => ScalarType.Float32,
        };
        var results = new List<ParityResult>();
        foreach (var result in Parity.Walk(folder, ComputeDevice.Find(device), scalar))
        {
            if (!json && !Console.IsErrorRedirected && (results.Count == 0 || results[^1].Folder != result.Folder))
                Console.Error.WriteLine(result.Folder);
            results.Add(result);
        }
        if (json)
            Console.WriteLine(JsonSerializer.Serialize(results, Indented));
        else
            Print(results);
        return results.All(r => r.Passes) ? 0 : 1;
    }

    private static int Failed(string message)
    {
        Console.Error.WriteLine($"sarsynth parity: {message}");
        return 2;
    }

    private static void Print(List<ParityResult> results)
    {
        var console = AnsiConsole.Console;
        if (Console.IsOutputRedirected)
            (console.Profile.Capabilities.ColorSystem, console.Profile.Width) = (ColorSystem.NoColors, 160);
        var table = new Table().Border(TableBorder.Rounded)
            .AddColumns("", "case", "output", "largest error", "tolerance");
        foreach (var r in results)
            table.AddRow(r.Passes ? "[green]ok[/]" : "[red]miss[/]", Markup.Escape(r.Folder), Markup.Escape(r.Output),
                $"{r.Error:G3}", $"{r.Tolerance:G3}");
        console.Write(table);
    }
}

// sarsynth parity DIR: does this build, on this machine, compute what the reference computed?
using System.CommandLine;
using SarSynth.Data;
using SarSynth.Diffusion.Checkpoints;
using Spectre.Console;
using static TorchSharp.torch;

namespace SarSynth.Cli.Commands;

static class ParityCommand
{
    public static Command Create()
    {
        var folder = new Argument<string>("DIR") { Description = "Folder of recorded results at any depth: models, schedulers, pipelines, LoRA, training, tokenizers." };
        var device = new Option<string>("--device") { Description = "cpu or cuda.", DefaultValueFactory = _ => "cpu" };
        var type = new Option<string>("--dtype") { Description = "float32, bfloat16 or float16.", DefaultValueFactory = _ => "float32" };
        type.AcceptOnlyFromAmong("float32", "bfloat16", "float16");
        var command = new Command("parity", "Compares this build with recorded results of the reference library; exits 1 on a miss.") { folder, device, type, CommonOptions.Json };
        command.SetAction(parsed =>
        {
            Engine.SetThreads(parsed.GetValue(CommonOptions.Threads));
            var directory = parsed.GetRequiredValue(folder);
            if (!Directory.Exists(directory))
                throw new DirectoryNotFoundException($"{directory}: no such folder.");
            var scalar = parsed.GetValue(type) switch { "bfloat16" => ScalarType.BFloat16, "float16" => ScalarType.Float16, _ => ScalarType.Float32 };
            var results = Parity.Walk(directory, new Device(parsed.GetRequiredValue(device)), scalar).ToList();
            if (results.Count == 0)
                throw new InvalidDataException($"{directory}: found no case folder (config.json, weights.safetensors, inputs.safetensors, outputs.safetensors).");
            if (parsed.GetValue(CommonOptions.Json))
                Console.WriteLine(KitJson.Serialize(results));
            else
                Print(results);
            return results.All(r => r.Passes) ? 0 : 1;
        });
        return command;
    }

    private static void Print(List<ParityResult> results)
    {
        var table = new Table().Border(TableBorder.Rounded).AddColumns("", "case", "output", "largest error", "tolerance");
        foreach (var r in results)
            table.AddRow(r.Passes ? "[green]ok[/]" : "[red]miss[/]", Markup.Escape(r.Folder), Markup.Escape(r.Output), $"{r.Error:G3}", $"{r.Tolerance:G3}");
        AnsiConsole.Write(table);
    }
}

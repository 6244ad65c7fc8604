// A program that lives with the session and runs code of its language: JSON lines to it and from it.
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using SarSynth.Kernel.Formatting;

namespace SarSynth.Kernel.Execution;

/// <summary>Python or PowerShell, started when first needed.</summary>
internal sealed partial class BridgedProcess(string title, Func<Process?> start, string missing) : IDisposable
{
    private const int SigInt = 2, InterruptTries = 3, BetweenTriesMilliseconds = 350;
    private Process? _process;

    [LibraryImport("libc")] private static partial int kill(int process, int signal);

    /// <summary>Runs code of a cell; null where all went well.</summary>
    internal CellError? Run(Cell cell, string code) =>
        Ask(cell, new JsonObject { ["code"] = code, ["name"] = $"In[{cell.Number}]" }, out _);

    /// <summary>Sets a variable.</summary>
    internal CellError? Set(Cell cell, string name, JsonNode? value) =>
        Ask(cell, new JsonObject { ["set"] = name, ["value"] = value?.DeepClone() }, out _);

    /// <summary>Reads a variable.</summary>
    internal CellError? Get(Cell cell, string name, out JsonNode? value) =>
        Ask(cell, new JsonObject { ["get"] = name }, out value);

    public void Dispose()
    {
        if (_process is { HasExited: false } process)
            process.Kill(entireProcessTree: true);
    }

    private CellError? Ask(Cell cell, JsonObject request, out JsonNode? value)
    {
        value = null;
        if (_process is null or { HasExited: true })
        {
            _process = start();
            if (_process is null)
                return CellError.Plain("MagicError", missing);
            // An interrupt while the program itself starts would end it.
            _process.StandardOutput.ReadLine();
            if (cell.Interrupted.IsCancellationRequested)
                return CellError.Plain("Interrupted", $"the cell was interrupted while {title} started.");
        }
        var process = _process;
        var over = false;
        using var stop = cell.Interrupted.Register(() =>
        {
            Task.Run(async () =>
            {
                for (var tries = 0; tries < InterruptTries && !Volatile.Read(ref over); tries++)
                {
                    kill(process.Id, SigInt);
                    await Task.Delay(BetweenTriesMilliseconds);
                }
                if (!Volatile.Read(ref over) && !process.HasExited)
                    process.Kill(entireProcessTree: true);
            });
        });
        try
        {
            process.StandardInput.WriteLine(request.ToJsonString());
            process.StandardInput.Flush();
            while (process.StandardOutput.ReadLine() is { } line)
            {
                using var answer = JsonDocument.Parse(line);
                var root = answer.RootElement;
                if (root.TryGetProperty("stream", out var stream))
                    cell.Write(stream.GetString()!, root.GetProperty("text").GetString());
                else if (root.TryGetProperty("display", out var bundle))
                    cell.Display([.. bundle.EnumerateObject().Select(m => new MimeText(m.Name, m.Value.GetString()!))],
                        Guid.NewGuid().ToString("N"), update: false);
                else if (cell.Interrupted.IsCancellationRequested)
                    return CellError.Plain("Interrupted", $"{title} was interrupted; its variables are kept.");
                else if (root.TryGetProperty("ename", out var name))
                    return new CellError(name.GetString()!, root.GetProperty("evalue").GetString()!,
                        [.. root.GetProperty("traceback").EnumerateArray().Select(l => l.GetString()!)]);
                else
                {
                    value = root.TryGetProperty("value", out var found) ? JsonNode.Parse(found.GetRawText()) : null;
                    return null;
                }
            }
        }
        catch (IOException)
        {
            // The process is gone; said below.
        }
        finally
        {
            Volatile.Write(ref over, true);
        }
        _process = null;
        return cell.Interrupted.IsCancellationRequested
            ? CellError.Plain("Interrupted",
                $"{title} did not heed the interrupt and was ended; its variables are gone.")
            : CellError.Plain(title + "Error", $"the {title} process ended; its variables are gone.");
    }
}

// Parts of cells in other languages: markup is displayed, bash runs as a process, Python in one that lives with the session.
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using SarSynth.Kernel.Formatting;

namespace SarSynth.Kernel.Execution;

/// <summary>Runs segments that are not C#.</summary>
internal sealed partial class Polyglot(string directory) : IDisposable
{
    private const int SigInt = 2, InterruptTries = 3, BetweenTriesMilliseconds = 350;
    private Process? _python;

    [LibraryImport("libc")] private static partial int kill(int process, int signal);

    /// <summary>Runs a segment; null where all went well.</summary>
    internal CellError? Run(Cell cell, Segment segment)
    {
        switch (segment.Language)
        {
            case "bash":
                return Bash(cell, segment.Text);
            case "python":
                return Python(cell, segment.Text);
            default:
                var mimeType = segment.Language == "javascript" ? "application/javascript" : "text/" + segment.Language;
                cell.Display([new(mimeType, segment.Text), new(MimeText.Plain, segment.Text)], Guid.NewGuid().ToString("N"), update: false);
                return null;
        }
    }

    public void Dispose()
    {
        if (_python is { HasExited: false } python)
            python.Kill(entireProcessTree: true);
    }

    private CellError? Bash(Cell cell, string text)
    {
        using var process = Start("bash", [], cell, "stderr");
        if (process is null)
            return CellError.Plain("MagicError", "bash was not found");
        using var stop = cell.Interrupted.Register(() => process.Kill(entireProcessTree: true));
        var output = Task.Run(() => Pump(process.StandardOutput, cell, "stdout"));
        try
        {
            process.StandardInput.Write(text);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // The script ended before it was read to its end.
        }
        process.WaitForExit();
        output.Wait();
        return cell.Interrupted.IsCancellationRequested ? CellError.Plain("Interrupted", "bash was ended.")
            : process.ExitCode == 0 ? null : CellError.Plain("BashError", $"bash ended with exit code {process.ExitCode}");
    }

    private CellError? Python(Cell cell, string text)
    {
        if (_python is null or { HasExited: true })
        {
            using var source = typeof(Polyglot).Assembly.GetManifestResourceStream("python_bridge.py")!;
            _python = Start("python3", ["-u", "-c", new StreamReader(source).ReadToEnd()], cell, "stderr");
            if (_python is null)
                return CellError.Plain("MagicError", "python3 was not found");
            // An interrupt while Python itself starts would end it.
            _python.StandardOutput.ReadLine();
            if (cell.Interrupted.IsCancellationRequested)
                return CellError.Plain("Interrupted", "the cell was interrupted while Python started.");
        }
        var python = _python;
        var over = false;
        using var stop = cell.Interrupted.Register(() =>
        {
            Task.Run(async () =>
            {
                for (var tries = 0; tries < InterruptTries && !Volatile.Read(ref over); tries++)
                {
                    kill(python.Id, SigInt);
                    await Task.Delay(BetweenTriesMilliseconds);
                }
                if (!Volatile.Read(ref over) && !python.HasExited)
                    python.Kill(entireProcessTree: true);
            });
        });
        try
        {
            python.StandardInput.WriteLine(new JsonObject { ["code"] = text, ["name"] = $"In[{cell.Number}]" }.ToJsonString());
            python.StandardInput.Flush();
            while (python.StandardOutput.ReadLine() is { } line)
            {
                using var answer = JsonDocument.Parse(line);
                var root = answer.RootElement;
                if (root.TryGetProperty("stream", out var stream))
                    cell.Write(stream.GetString()!, root.GetProperty("text").GetString());
                else if (root.TryGetProperty("display", out var bundle))
                    cell.Display([.. bundle.EnumerateObject().Select(m => new MimeText(m.Name, m.Value.GetString()!))], Guid.NewGuid().ToString("N"), update: false);
                else if (cell.Interrupted.IsCancellationRequested)
                    return CellError.Plain("Interrupted", "Python was interrupted; its variables are kept.");
                else
                    return root.TryGetProperty("ename", out var name)
                        ? new CellError(name.GetString()!, root.GetProperty("evalue").GetString()!,
                            [.. root.GetProperty("traceback").EnumerateArray().Select(l => l.GetString()!)])
                        : null;
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
        _python = null;
        return cell.Interrupted.IsCancellationRequested
            ? CellError.Plain("Interrupted", "Python did not heed the interrupt and was ended; its variables are gone.")
            : CellError.Plain("PythonError", "the Python process ended; its variables are gone.");
    }

    private Process? Start(string program, string[] arguments, Cell cell, string errorStream)
    {
        var info = new ProcessStartInfo(program)
        {
            WorkingDirectory = directory, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
        };
        foreach (var argument in arguments)
            info.ArgumentList.Add(argument);
        try
        {
            var process = Process.Start(info)!;
            // stderr outlives the cell where the process does, so it goes to whichever cell is the latest.
            using (ExecutionContext.SuppressFlow())
                new Thread(() => Pump(process.StandardError, null, errorStream)) { IsBackground = true, Name = program }.Start();
            return process;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }

    private static void Pump(StreamReader from, Cell? cell, string stream)
    {
        var buffer = new char[8192];
        for (int count; (count = from.Read(buffer, 0, buffer.Length)) > 0;)
            (cell ?? Cell.CurrentOrLast).Write(stream, buffer.AsSpan(0, count));
    }
}

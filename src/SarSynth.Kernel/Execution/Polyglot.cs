// Parts of cells in other languages: markup is displayed, bash runs as a process, Python and PowerShell in one each
// that lives with the session.
using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;
using SarSynth.Kernel.Formatting;

namespace SarSynth.Kernel.Execution;

/// <summary>Runs segments that are not C#, and holds their variables.</summary>
internal sealed class Polyglot : IDisposable
{
    private readonly string _directory;
    private readonly BridgedProcess _python, _powerShell;
    private readonly Mermaid _mermaid = new();
    // What bash cells have exported.
    private readonly Dictionary<string, string> _exported = new(StringComparer.Ordinal);
    private readonly Dictionary<string, JsonNode?> _values = new(StringComparer.Ordinal); // Of "#!value".

    internal Polyglot(string directory)
    {
        _directory = directory;
        _python = new BridgedProcess("Python",
            () => Start("python3", ["-u", "-c", Resource("python_bridge.py")]), "python3 was not found");
        _powerShell = new BridgedProcess("PowerShell",
            () => Start("pwsh", ["-NoLogo", "-NoProfile", "-NonInteractive", "-Command", Resource("pwsh_bridge.ps1")]),
            "pwsh was not found (it comes with: dotnet tool install --global PowerShell)");
    }

    /// <summary>Runs a segment; null where all went well.</summary>
    internal CellError? Run(Cell cell, Segment segment)
    {
        switch (segment.Language)
        {
            case "bash":
                return Bash(cell, segment.Text);
            case "python":
                return _python.Run(cell, segment.Text);
            case "pwsh":
                return _powerShell.Run(cell, segment.Text);
            case "mermaid":
                return _mermaid.Draw(cell, segment.Text);
            default:
                var mimeType = segment.Language == "javascript" ? "application/javascript" : "text/" + segment.Language;
                cell.Display([new(mimeType, segment.Text), new(MimeText.Plain, segment.Text)],
                    Guid.NewGuid().ToString("N"), update: false);
                return null;
        }
    }

    /// <summary>Reads a variable of another language than C#.</summary>
    internal CellError? Get(Cell cell, string kernel, string name, out JsonNode? value)
    {
        value = null;
        switch (kernel)
        {
            case "python":
                return _python.Get(cell, name, out value);
            case "pwsh":
                return _powerShell.Get(cell, name, out value);
            case "bash" when _exported.TryGetValue(name, out var exported):
                value = exported;
                return null;
            case "value" when _values.TryGetValue(name, out value):
                return null;
            default:
                return CellError.Plain("MagicError", $"{kernel} has no variable '{name}'"
                    + (kernel == "bash" ? ": share what a bash cell has exported (export NAME=value)" : ""));
        }
    }

    /// <summary>Sets a variable of another language than C#.</summary>
    internal CellError? Set(Cell cell, string kernel, string name, JsonNode? value)
    {
        switch (kernel)
        {
            case "python":
                return _python.Set(cell, name, value);
            case "pwsh":
                return _powerShell.Set(cell, name, value);
            case "bash":
                _exported[name] = value is JsonValue text
                    && text.GetValueKind() == System.Text.Json.JsonValueKind.String
                    ? text.GetValue<string>() : value?.ToJsonString() ?? "";
                return null;
            case "value":
                _values[name] = value?.DeepClone();
                return null;
            default:
                return CellError.Plain("MagicError", $"{kernel} has no variables to set");
        }
    }

    public void Dispose()
    {
        _python.Dispose();
        _powerShell.Dispose();
    }

    private CellError? Bash(Cell cell, string text)
    {
        // What the script has exported when it ends is there for the next one, and to be shared.
        var exports = Path.GetTempFileName();
        try
        {
            return Bash(cell, $"trap 'env -0 > {exports}' EXIT; {text}", exports);
        }
        finally
        {
            File.Delete(exports);
        }
    }

    private CellError? Bash(Cell cell, string text, string exports)
    {
        using var process = Start("bash", [], _exported);
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
        if (cell.Interrupted.IsCancellationRequested)
            return CellError.Plain("Interrupted", "bash was ended.");
        foreach (var variable in File.ReadAllText(exports).Split('\0'))
            if (variable.IndexOf('=') is var at and > 0
                && variable[..at] is not ("_" or "PWD" or "OLDPWD" or "SHLVL") and var name
                && Environment.GetEnvironmentVariable(name) != variable[(at + 1)..])
                _exported[name] = variable[(at + 1)..];
        return process.ExitCode == 0 ? null
            : CellError.Plain("BashError", $"bash ended with exit code {process.ExitCode}");
    }

    private Process? Start(string program, string[] arguments, Dictionary<string, string>? variables = null)
    {
        var info = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = _directory,
            RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
            StandardInputEncoding = new UTF8Encoding(false), StandardOutputEncoding = Encoding.UTF8,
        };
        foreach (var (name, value) in variables ?? [])
            info.Environment[name] = value;
        try
        {
            var process = Process.Start(info)!;
            // stderr outlives the cell where the process does, so it goes to whichever cell is the latest.
            using (ExecutionContext.SuppressFlow())
                new Thread(() => Pump(process.StandardError, null, "stderr"))
                {
                    IsBackground = true, Name = program,
                }.Start();
            return process;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }

    private static string Resource(string name)
    {
        using var source = typeof(Polyglot).Assembly.GetManifestResourceStream(name)!;
        return new StreamReader(source).ReadToEnd();
    }

    private static void Pump(StreamReader from, Cell? cell, string stream)
    {
        var buffer = new char[8192];
        for (int count; (count = from.Read(buffer, 0, buffer.Length)) > 0;)
            (cell ?? Cell.CurrentOrLast).Write(stream, buffer.AsSpan(0, count));
    }
}

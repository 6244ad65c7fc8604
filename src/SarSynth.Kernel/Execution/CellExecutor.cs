// A cell from its text to its end: magic commands, packages, then its segments one after the other.
using System.Diagnostics;
using System.Text;
using SarSynth.Kernel.Formatting;
using SarSynth.Kernel.Interactive;

namespace SarSynth.Kernel.Execution;

/// <summary>Runs cells of all languages.</summary>
internal sealed class CellExecutor : IDisposable
{
    private readonly Packages _packages = new();
    private readonly HashSet<string> _extensions = new(StringComparer.Ordinal);
    private readonly Session _session;
    private readonly CellRunner _runner;
    private readonly Polyglot _polyglot;
    private readonly ValueSharing _sharing;
    private readonly string _directory;
    private readonly Stack<string> _importing = new();

    internal CellExecutor(Session session, CellRunner runner, string directory)
    {
        (_session, _runner, _directory) = (session, runner, directory);
        _polyglot = new Polyglot(directory);
        _sharing = new ValueSharing(session, _polyglot, CSharp, directory);
    }

    /// <summary>Runs a cell; null where all went well.</summary>
    internal CellError? Run(Cell cell, string code)
    {
        try
        {
            var parsed = Magics.Parse(code);
            var clock = parsed.Commands.Contains("time") ? Stopwatch.StartNew() : null;
            if (Run(cell, parsed, $"In[{cell.Number}]") is { } error)
                return error;
            if (clock is not null)
            {
                cell.Write("stdout", clock.Elapsed.TotalSeconds < 1
                    ? $"Wall time: {clock.Elapsed.TotalMilliseconds:0.00} ms\n"
                    : $"Wall time: {clock.Elapsed.TotalSeconds:0.000} s\n");
            }
            return null;
        }
        catch (CompilationFailedException e)
        {
            return CellError.FromDiagnostics(e.Diagnostics, _session.SourceOf);
        }
        catch (MagicException e)
        {
            return CellError.Plain("MagicError", e.Message);
        }
        catch (ReferenceException e)
        {
            return CellError.Plain("ReferenceError", e.Message);
        }
        catch (OperationCanceledException) when (cell.Interrupted.IsCancellationRequested)
        {
            return CellError.Plain("Interrupted", "the cell was interrupted.");
        }
        catch (Exception e)
        {
            return CellError.FromException(e, _session.SourceOf);
        }
    }

    /// <summary>The bundle of an expression's value, or its error; nothing is shown.</summary>
    internal (IReadOnlyList<MimeText>? Values, CellError? Error) Evaluate(Cell cell, string expression)
    {
        try
        {
            IReadOnlyList<MimeText>? values = null;
            var submission = _session.Prepare(expression, $"expression[{cell.Number}]");
            var error = submission.Run is null ? null
                : Finish(_runner.Run(cell, submission.Run), submission, cell, v => values = Bundles.Of(v));
            return (values ?? [], error);
        }
        catch (CompilationFailedException e)
        {
            return (null, CellError.FromDiagnostics(e.Diagnostics, _session.SourceOf));
        }
    }

    /// <summary>Runs a callback of the notebook's code (of a comm) on the cells' thread.</summary>
    internal CellError? Callback(Cell cell, Action action)
    {
        var outcome = _runner.Run(cell, () =>
        {
            action();
            return Task.FromResult<object?>(null);
        });
        return outcome.WasInterrupted ? CellError.Plain("Interrupted", "the callback was interrupted.")
            : outcome.Exception is { } e ? CellError.FromException(e, _session.SourceOf) : null;
    }

    public void Dispose() => _polyglot.Dispose();

    private CellError? Run(Cell cell, ParsedCell parsed, string name)
    {
        if (parsed.Packages.Count > 0 || parsed.Sources.Count > 0)
            Restore(cell, parsed);
        foreach (var segment in parsed.Segments)
            if (Run(cell, segment, name) is { } error)
                return error;
        foreach (var command in parsed.Commands)
            Command(cell, command);
        return null;
    }

    private CellError? Run(Cell cell, Segment segment, string name) => segment.Language switch
    {
        "csharp" => CSharp(cell, segment.Text, name),
        "import" => Import(cell, segment.Text),
        "set" or "share" or "value" => _sharing.Run(cell, segment),
        _ => _polyglot.Run(cell, segment),
    };

    // Unlike a file of "#load", whose "using" lines are its own, this one is a cell before the cell.
    private CellError? Import(Cell cell, string file)
    {
        var path = Path.GetFullPath(file.Trim().Trim('"'), _directory);
        if (_importing.Contains(path))
            throw new MagicException($"#!import {path}: the file imports itself.");
        var extension = Path.GetExtension(path).ToLowerInvariant();
        if (extension is not (".csx" or ".cs" or ".dib"))
            throw new MagicException($"#!import {path}: found extension '{extension}', expected .csx, .cs or .dib.");
        if (!File.Exists(path))
            throw new MagicException($"#!import {path}: there is no such file.");
        var text = File.ReadAllText(path);
        if (extension == ".dib")
            text = Magics.WithoutMetadata(text);
        _importing.Push(path);
        try
        {
            return Run(cell, Magics.Parse(text), path);
        }
        finally
        {
            _importing.Pop();
        }
    }

    private CellError? CSharp(Cell cell, string code) => CSharp(cell, code, $"In[{cell.Number}]");

    private CellError? CSharp(Cell cell, string code, string name)
    {
        var submission = _session.Prepare(code, name);
        if (submission.Run is null)
            return null;
        var outcome = submission.NamesInteractive ? InteractiveBridge.Run(_runner, cell, submission.Run)
            : _runner.Run(cell, submission.Run);
        return Finish(outcome, submission, cell, value => cell.Result(Bundles.Of(value)));
    }

    private CellError? Finish(Outcome outcome, Submission submission, Cell cell, Action<object?> show)
    {
        if (outcome.WasInterrupted || outcome.Exception is not null)
            _session.KeepFormerValues(submission);
        else
            _session.Succeeded(submission);
        if (outcome.WasInterrupted)
            return CellError.Plain("Interrupted", outcome.StillRunning is { } rest
                ? $"the cell was interrupted. {rest}" : "the cell was interrupted.");
        if (outcome.Exception is { } exception)
            return CellError.FromException(exception, _session.SourceOf);
        // Formatters are the notebook's own code as well: on its thread, and interruptible.
        return submission.HasValue ? Callback(cell, () => show(outcome.Value)) : null;
    }

    private void Restore(Cell cell, ParsedCell parsed)
    {
        var restored = _packages.Restore(parsed.Packages, parsed.Sources, text =>
        {
            cell.Write("stdout", text);
            cell.Flush();
        }, cell.Interrupted);
        _session.AddPackages(restored);
        if (restored.Installed.Count > 0)
            cell.Write("stdout", $"Installed: {string.Join("; ", restored.Installed)}\n");
        foreach (var folder in restored.Folders)
            LoadExtensions(cell, Path.Combine(folder, "interactive-extensions", "dotnet"));
    }

    // The convention of .NET Interactive's packages: assemblies with IKernelExtension types, and cells to run.
    private void LoadExtensions(Cell cell, string folder)
    {
        if (!Directory.Exists(folder))
            return;
        foreach (var path in Directory.EnumerateFiles(folder).Order(StringComparer.Ordinal))
        {
            if (!_extensions.Add(path))
                continue;
            CellError? error = null;
            if (Path.GetFileName(path) == "extension.dib")
                error = Run(cell, Magics.WithoutMetadata(File.ReadAllText(path)));
            else if (path.EndsWith(".dll", StringComparison.Ordinal)
                && InteractiveBridge.LoadExtensions(_session.Assemblies.Load(path), cell, code =>
                    CSharp(cell, code)) == 0)
                continue;
            if (error is not null)
                throw new ReferenceException($"{path}: {error.Name}: {error.Value}");
            cell.Write("stdout", $"Loaded the extension {Path.GetFileName(path)}\n");
        }
    }

    private void Command(Cell cell, string command)
    {
        switch (command)
        {
            case "who":
                cell.Write("stdout", string.Join("  ", _session.Variables().Select(v => v.Name)) + "\n");
                break;
            case "whos":
                var rows = _session.Variables()
                    .Select(v => new { Variable = v.Name, Type = ScalarText.TypeName(v.Type),
                    Value = Short(v.Value()) }).ToList();
                cell.Display([new(MimeText.Html, Bundles.Of(rows, MimeText.Html)[0].Text),
                    new(MimeText.Plain, string.Join('\n', rows.Select(r => $"{r.Variable}\t{r.Type}\t{r.Value}")))],
                        Guid.NewGuid().ToString("N"), update: false);
                break;
            case "lsmagic":
                cell.Write("stdout", string.Join("  ", Magics.Known) + "\n");
                break;
            case "about":
                cell.Write("stdout",
                    $"sarsynth-kernel {KernelSpec.Version}, C# 14 on .NET {Environment.Version}, "
                    + $"{System.Runtime.InteropServices.RuntimeInformation.RuntimeIdentifier}\n");
                break;
        }
    }

    private static string Short(object? value)
    {
        var text = value is System.Collections.IEnumerable and not string ? value.GetType().ToString()
            : value is null ? Packaged.NullText : ScalarText.Of(value);
        return text.Length <= 100 ? text : new StringBuilder(text, 0, 97, 100).Append("...").ToString();
    }
}

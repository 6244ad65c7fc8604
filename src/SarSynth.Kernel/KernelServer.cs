// The kernel's message loop: requests of the shell channel one after the other, those of the control channel at once.
using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Microsoft.DotNet.Interactive.Formatting;
using SarSynth.Kernel.Execution;
using SarSynth.Kernel.Output;
using SarSynth.Kernel.Protocol;

namespace SarSynth.Kernel;

/// <summary>A running kernel.</summary>
internal sealed partial class KernelServer : IOutputs, IDisposable
{
    private readonly Wire _wire;
    private readonly Channels _channels;
    private readonly BlockingCollection<(Message Message, long Order)> _shell = [];
    private readonly BlockingCollection<Message> _control = [];
    private readonly BlockingCollection<Message> _input = [];
    private readonly CellRunner _runner = new();
    private readonly ManualResetEventSlim _ended = new();
    private readonly string _directory = Environment.CurrentDirectory;
    private readonly Lock _inputGate = new();
    private Session _session;
    private int _count;
    private long _received, _abortUpTo = -1;

    /// <summary>Binds the channels of <paramref name="file"/>.</summary>
    internal KernelServer(ConnectionFile file)
    {
        _wire = new Wire(file.Key);
        _channels = new Channels(file, _wire);
        _channels.Received += OnReceived;
        _session = new Session(_directory);
    }

    /// <summary>Serves until a shutdown request; returns the exit code.</summary>
    internal int Run()
    {
        ConsoleCapture.Begin();
        Publish(null, "status", new JsonObject { ["execution_state"] = "starting" });
        _channels.Start();
        Start("shell", ServeShell);
        Start("control", ServeControl);
        Start("warm-up", () => WarmUp.Run(_session));
        _ended.Wait();
        _channels.Dispose();
        return 0;

        static void Start(string name, Action action) => new Thread(() => action()) { IsBackground = true, Name = name }.Start();
    }

    /// <summary>Ends <see cref="Run"/>.</summary>
    internal void Stop() => _ended.Set();

    /// <summary>Interrupts the running cell; those that wait behind it are aborted.</summary>
    internal void Interrupt()
    {
        Interlocked.Exchange(ref _abortUpTo, Interlocked.Read(ref _received));
        _runner.Interrupt();
    }

    public void Publish(byte[]? parentHeader, string type, JsonObject content, JsonObject? metadata = null) =>
        _channels.Send(Channel.Iopub, _wire.Write([System.Text.Encoding.ASCII.GetBytes($"kernel.{_wire.Session}.{type}")], type, parentHeader, content, metadata));

    public string Input(Cell cell, string prompt, bool password)
    {
        if (!cell.AllowInput)
            throw new InvalidOperationException("This front end does not allow input: nobody can be asked.");
        lock (_inputGate)
        {
            while (_input.TryTake(out _)) { } // Late answers to questions of an interrupted cell.
            _channels.Send(Channel.Stdin, _wire.Write(cell.Identities, "input_request", cell.ParentHeader,
                new JsonObject { ["prompt"] = prompt, ["password"] = password }));
            return _input.Take(cell.Interrupted).Text("value");
        }
    }

    public void Dispose() => _channels.Dispose();

    private void OnReceived(Channel channel, Message message)
    {
        switch (channel)
        {
            case Channel.Shell:
                _shell.Add((message, Interlocked.Increment(ref _received)));
                break;
            case Channel.Control:
                _control.Add(message);
                break;
            case Channel.Stdin when message.Type == "input_reply":
                _input.Add(message);
                break;
        }
    }

    private void ServeShell()
    {
        foreach (var (message, order) in _shell.GetConsumingEnumerable())
            Handle(Channel.Shell, message, order);
    }

    private void ServeControl()
    {
        foreach (var message in _control.GetConsumingEnumerable())
            Handle(Channel.Control, message, long.MaxValue);
    }

    private void Handle(Channel channel, Message message, long order)
    {
        Status(message, "busy");
        try
        {
            switch (message.Type)
            {
                case "kernel_info_request":
                    Reply(channel, message, "kernel_info_reply", KernelInfo());
                    break;
                case "execute_request" when channel == Channel.Shell:
                    Execute(message, order);
                    break;
                case "interrupt_request":
                    Interrupt();
                    Reply(channel, message, "interrupt_reply", Ok());
                    break;
                case "shutdown_request":
                    var restart = message.Flag("restart", false);
                    var farewell = Ok();
                    farewell["restart"] = restart;
                    Publish(message.RawHeader, "shutdown_reply", (JsonObject)farewell.DeepClone());
                    Reply(channel, message, "shutdown_reply", farewell);
                    Status(message, "idle");
                    Stop();
                    return;
                case "comm_info_request":
                    Reply(channel, message, "comm_info_reply", new JsonObject { ["status"] = "ok", ["comms"] = new JsonObject() });
                    break;
                default:
                    Log.Write($"{channel}: no answer to messages of type '{message.Type}'");
                    break;
            }
        }
        catch (Exception e)
        {
            Log.Write($"{message.Type} failed: {e}");
            if (message.Type.EndsWith("_request", StringComparison.Ordinal))
                Reply(channel, message, message.Type[..^"request".Length] + "reply", Failed(CellError.Plain(e.GetType().Name, e.Message)));
        }
        Status(message, "idle");
    }

    private void Execute(Message message, long order)
    {
        if (order <= Interlocked.Read(ref _abortUpTo))
        {
            Reply(Channel.Shell, message, "execute_reply", new JsonObject { ["status"] = "aborted", ["execution_count"] = _count });
            return;
        }
        var code = message.Text("code");
        var silent = message.Flag("silent", false);
        var keep = message.Flag("store_history", !silent) && !silent;
        if (keep)
            _count++;
        var cell = new Cell(this, message.RawHeader, message.Identities, _count, silent, message.Flag("allow_stdin", true));
        if (!silent)
            Publish(message.RawHeader, "execute_input", new JsonObject { ["code"] = code, ["execution_count"] = _count });
        cell.MakeLast();
        CellError? error = null;
        try
        {
            error = RunCode(cell, code);
        }
        catch (CompilationFailedException e)
        {
            error = CellError.FromDiagnostics(e.Diagnostics);
        }
        catch (ReferenceException e)
        {
            error = CellError.Plain("ReferenceError", e.Message);
        }
        catch (Exception e)
        {
            error = CellError.FromException(e, _session.SourceOf);
        }
        ConsoleCapture.Drain();
        cell.Flush();
        if (error is not null)
        {
            cell.Error(error);
            if (message.Flag("stop_on_error", true))
                Interlocked.Exchange(ref _abortUpTo, Interlocked.Read(ref _received));
        }
        var reply = error is null ? Ok() : Failed(error);
        reply["execution_count"] = _count;
        if (error is null)
        {
            reply["payload"] = new JsonArray();
            reply["user_expressions"] = new JsonObject();
        }
        Reply(Channel.Shell, message, "execute_reply", reply);
    }

    private CellError? RunCode(Cell cell, string code)
    {
        var submission = _session.Prepare(code, $"In[{cell.Number}]");
        if (submission.Run is null)
            return null;
        var outcome = _runner.Run(cell, submission.Run);
        if (outcome.WasInterrupted || outcome.Exception is not null)
            _session.KeepFormerValues(submission);
        if (outcome.WasInterrupted)
            return CellError.Plain("Interrupted", outcome.StillRunning is { } rest ? $"the cell was interrupted. {rest}" : "the cell was interrupted.");
        if (outcome.Exception is { } exception)
            return CellError.FromException(exception, _session.SourceOf);
        if (!submission.HasValue)
            return null;
        // Formatters are the notebook's own code as well: on its thread, and interruptible.
        var shown = _runner.Run(cell, () =>
        {
            cell.Result(Formatter.Bundle(outcome.Value, []));
            return Task.FromResult<object?>(null);
        });
        return shown.WasInterrupted ? CellError.Plain("Interrupted", "the cell was interrupted while its result was formatted.")
            : shown.Exception is { } failure ? CellError.FromException(failure, _session.SourceOf) : null;
    }

    private void Status(Message parent, string state) =>
        Publish(parent.RawHeader, "status", new JsonObject { ["execution_state"] = state });

    private void Reply(Channel channel, Message request, string type, JsonObject content) =>
        _channels.Send(channel, _wire.Write(request.Identities, type, request.RawHeader, content));

    private static JsonObject Ok() => new() { ["status"] = "ok" };

    private static JsonObject Failed(CellError error)
    {
        var content = error.ToJson();
        content["status"] = "error";
        return content;
    }

    private static JsonObject KernelInfo() => new()
    {
        ["status"] = "ok",
        ["protocol_version"] = Wire.ProtocolVersion,
        ["implementation"] = "sarsynth-kernel",
        ["implementation_version"] = KernelSpec.Version,
        ["language_info"] = new JsonObject
        {
            ["name"] = "C#",
            ["version"] = "14.0",
            ["mimetype"] = "text/x-csharp",
            ["file_extension"] = ".cs",
            ["pygments_lexer"] = "csharp",
            ["codemirror_mode"] = "text/x-csharp",
            ["nbconvert_exporter"] = "script",
        },
        ["banner"] = $"C# on .NET {Environment.Version} (sarsynth-kernel {KernelSpec.Version})",
        ["debugger"] = false,
        ["supported_features"] = new JsonArray(),
        ["help_links"] = new JsonArray(
            new JsonObject { ["text"] = "C# reference", ["url"] = "https://learn.microsoft.com/dotnet/csharp/" },
            new JsonObject { ["text"] = ".NET API", ["url"] = "https://learn.microsoft.com/dotnet/api/" }),
    };
}

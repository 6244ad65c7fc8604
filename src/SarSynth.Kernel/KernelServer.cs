// The kernel's message loop: requests of the shell channel one after the other, those of the control channel at once.
using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using SarSynth.Kernel.Cells;
using SarSynth.Kernel.Execution;
using SarSynth.Kernel.Formatting;
using SarSynth.Kernel.Interactive;
using SarSynth.Kernel.Language;
using SarSynth.Kernel.Output;
using SarSynth.Kernel.Protocol;

namespace SarSynth.Kernel;

// How the states of a request of the shell channel follow each other, and who moves it on.
//
//   received  The poller's thread numbers it (order, from 1) and queues it.
//   in hand   The shell's thread takes it: _handling is its order (none in hand: the largest number), status "busy".
//   aborted   Its order is not above _abortUpTo: it is answered so and never runs. Only execute requests are.
//   executing The cell stands in _executing from before it is compiled until its output is out; then error or result,
//             execute_reply, status "idle", and the next one is taken. Code runs on the thread of CellRunner, which
//             tells the states below this one.
//
// _abortUpTo only ever rises. An error raises it to all that was received (stop_on_error); an interrupt to the last
// request that its sender had sent before it: a signal means all received, a message of the control channel is older
// than requests of its own client with a later date, though it may be seen to after them.
//
// An interrupt may come at any moment. Where it meets a request that came after it, or none, nothing is stopped. Before
// _handling is set, or while the cell is made, there is nothing to stop yet: the request looks at _abortUpTo twice,
// before the cell is made and after it stands in _executing, and one of the two finds the mark. From then on the cell's
// token ends compilation, restoring and other programs, and CellRunner its code.
//
// The control channel has a thread of its own: its requests are answered while a cell runs; cells are not among them. A
// shutdown request, SIGTERM or the end of the parent process sets _ended: Run gives what cells own two seconds to
// close, sends what is queued and returns; the process then ends, with whatever an abandoned cell still does.

/// <summary>A running kernel.</summary>
internal sealed partial class KernelServer : IOutputs, IDisposable
{
    private const int DisposeMilliseconds = 2000, RequestsBetweenCollections = 20, IdleMilliseconds = 2000,
        RecentRequests = 64;
    private const long LargestQuickCollection = 512 << 20;
    private readonly Wire _wire;
    private readonly Channels _channels;
    private readonly BlockingCollection<(Message Message, long Order)> _shell = [];
    private readonly BlockingCollection<(Message Message, long Order)> _control = [];
    private readonly BlockingCollection<Message> _input = [];
    // Of the poller's thread.
    private readonly Queue<(long Order, string Session, DateTimeOffset? Date)> _recent = new();
    private readonly CellRunner _runner = new();
    private readonly ManualResetEventSlim _ended = new();
    private readonly string _directory = Environment.CurrentDirectory;
    private readonly Lock _inputGate = new();
    private readonly Session _session;
    private readonly CellExecutor _executor;
    private readonly CodeAssistant _assistant;
    private readonly History _history = new();
    private readonly ForgottenMemory _forgotten = new();
    private Cell? _executing;
    private int _count;
    private long _received, _abortUpTo = -1, _handling = long.MaxValue;

    /// <summary>Binds the channels of <paramref name="file"/>.</summary>
    internal KernelServer(ConnectionFile file)
    {
        _wire = new Wire(file.Key);
        _channels = new Channels(file, _wire);
        _channels.Received += OnReceived;
        _session = new Session(_directory);
        _executor = new CellExecutor(_session, _runner, _directory);
        _assistant = new CodeAssistant(_session);
        Comm.Publish = (type, content, metadata) => Cell.CurrentOrLast.Publish(type, content, metadata);
    }

    /// <summary>Serves until a shutdown request; returns the exit code.</summary>
    internal int Run()
    {
        ConsoleCapture.Begin();
        Packaged.Watch();
        InteractiveBridge.Watch();
        ExceptionHandling.SetUnhandledExceptionHandler(OnUnhandled);
        Publish(null, "status", new JsonObject { ["execution_state"] = "starting" });
        _channels.Start();
        Start("shell", ServeShell);
        Start("control", ServeControl);
        Start("warm-up", () => WarmUp.Run(_directory));
        if (Environment.GetEnvironmentVariable("JPY_PARENT_PID") is { Length: > 0 } && !OperatingSystem.IsWindows())
            Start("parent", WatchParent);
        _ended.Wait();
        Task.Run(_session.DisposeOwned).Wait(DisposeMilliseconds);
        _channels.Dispose();
        return 0;

        static void Start(string name, Action action) =>
            new Thread(() => action()) { IsBackground = true, Name = name }.Start();
    }

    /// <summary>Ends <see cref="Run"/>.</summary>
    internal void Stop() => _ended.Set();

    /// <summary>Interrupts the running cell; those that wait behind it are aborted.</summary>
    internal void Interrupt() => Interrupt(Interlocked.Read(ref _received));

    // Requests that came after the interrupt are not meant by it, however late it is seen to.
    private void Interrupt(long upTo)
    {
        AbortUpTo(upTo);
        if (Interlocked.Read(ref _handling) > upTo)
            return;
        // Also a cell that is still being compiled, restores packages or runs another program.
        Volatile.Read(ref _executing)?.Interrupt();
        _runner.Interrupt();
    }

    private void AbortUpTo(long order)
    {
        for (var seen = Interlocked.Read(ref _abortUpTo); order > seen;)
            if (Interlocked.CompareExchange(ref _abortUpTo, order, seen) is var now && now == seen)
                return;
            else
                seen = now;
    }

    public void Publish(byte[]? parentHeader, string type, JsonObject content, JsonObject? metadata = null) =>
        _channels.Send(Channel.Iopub,
            _wire.Write([System.Text.Encoding.ASCII.GetBytes($"kernel.{_wire.Session}.{type}")], type, parentHeader,
            content, metadata));

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

    public void Dispose()
    {
        _executor.Dispose();
        _channels.Dispose();
    }

    private void OnReceived(Channel channel, Message message)
    {
        switch (channel)
        {
            case Channel.Shell:
                var order = Interlocked.Increment(ref _received);
                _recent.Enqueue((order, message.Session, message.Date));
                if (_recent.Count > RecentRequests)
                    _recent.Dequeue();
                _shell.Add((message, order));
                break;
            case Channel.Control:
                _control.Add((message, LastBefore(message)));
                break;
            case Channel.Stdin when message.Type == "input_reply":
                _input.Add(message);
                break;
        }
    }

    // The last request of the shell that was sent before a message of control: of those that came at the same time, and
    // from the same client, their dates tell.
    private long LastBefore(Message control)
    {
        var last = Interlocked.Read(ref _received);
        foreach (var (order, session, date) in _recent.Reverse())
        {
            if (session != control.Session || !(date > control.Date))
                break;
            last = order - 1;
        }
        return last;
    }

    private void ServeShell()
    {
        for (var handled = 0;; handled++)
        {
            if (!_shell.TryTake(out var next, handled < RequestsBetweenCollections ? Timeout.Infinite
                : IdleMilliseconds))
            {
                // Nobody waits now: memory of cells that are gone is given back, unless there is so
                // much that it would take long.
                if (GC.GetTotalMemory(false) < LargestQuickCollection)
                    GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
                handled = -1;
                continue;
            }
            Interlocked.Exchange(ref _handling, next.Order);
            Handle(Channel.Shell, next.Message, next.Order);
            Interlocked.Exchange(ref _handling, long.MaxValue);
        }
    }

    private void ServeControl()
    {
        foreach (var (message, order) in _control.GetConsumingEnumerable())
            Handle(Channel.Control, message, order);
    }

    // The order of a request among those of the shell; of one on control, how many of them had come before it.
    private void Handle(Channel channel, Message message, long order)
    {
        Status(message, "busy");
        try
        {
            switch (message.Type)
            {
                case "execute_request" when channel == Channel.Shell:
                    Execute(message, order);
                    break;
                case "interrupt_request":
                    Interrupt(channel == Channel.Control ? order : Interlocked.Read(ref _received));
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
                default:
                    if (Answer(message) is { } content)
                        Reply(channel, message, message.Type[..^"request".Length] + "reply", content);
                    else if (!CommMessage(message))
                        Log.Write($"{channel}: no answer to messages of type '{message.Type}'");
                    break;
            }
        }
        catch (Exception e)
        {
            Log.Write($"{message.Type} failed: {e}");
            if (message.Type.EndsWith("_request", StringComparison.Ordinal))
                Reply(channel, message, message.Type[..^"request".Length] + "reply",
                    Failed(CellError.Plain(e.GetType().Name, e.Message)));
        }
        Status(message, "idle");
    }

    // An exception on a thread that a cell started: shown, and the session lives on.
    private bool OnUnhandled(Exception exception)
    {
        var error = CellError.FromException(exception, _session.SourceOf);
        Cell.CurrentOrLast.Write("stderr",
            $"Unhandled exception on thread "
            + $"{Environment.CurrentManagedThreadId}:\n{string.Join('\n', error.Traceback)}\n");
        return true;
    }

    // A kernel whose server died would listen for ever.
    private void WatchParent()
    {
        var parent = getppid();
        while (getppid() == parent)
            Thread.Sleep(1000);
        Log.Write("the process that started this kernel is gone; ending");
        Stop();
    }

    [LibraryImport("libc")] private static partial int getppid();

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
}

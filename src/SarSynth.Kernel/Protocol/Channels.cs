// The five sockets of a kernel, all owned by one poller thread; other threads hand their messages over by a queue.
using System.Collections.Concurrent;
using System.Runtime.InteropServices;

namespace SarSynth.Kernel.Protocol;

/// <summary>The channels that a kernel talks on.</summary>
internal enum Channel { Shell, Control, Stdin, Iopub }

/// <summary>Binds and polls the sockets of a connection file.</summary>
internal sealed unsafe partial class Channels : IDisposable
{
    private readonly nint _context = Zmq.NewContext();
    private readonly nint _shell, _control, _stdin, _iopub, _heartbeat;
    private readonly Wire _wire;
    private readonly ConcurrentQueue<(nint Socket, List<byte[]> Frames)> _outgoing = new();
    private readonly int _wakeRead, _wakeWrite;
    private readonly Thread _poller;
    private int _wakePending;
    private volatile bool _closing;

    [LibraryImport("libc", SetLastError = true)] private static partial int pipe(int* fds);
    [LibraryImport("libc", SetLastError = true)] private static partial nint read(int fd, byte* data, nuint size);
    [LibraryImport("libc", SetLastError = true)] private static partial nint write(int fd, byte* data, nuint size);
    [LibraryImport("libc")] private static partial int close(int fd);

    /// <summary>A verified message came in (on the poller thread: hand it on at once).</summary>
    internal event Action<Channel, Message>? Received;

    /// <summary>Binds all sockets; nothing is received before <see cref="Start"/>.</summary>
    /// <exception cref="IOException">A port is taken or the address is not this machine's.</exception>
    internal Channels(ConnectionFile file, Wire wire)
    {
        _wire = wire;
        _shell = Open(Zmq.Router, file.ShellPort);
        _control = Open(Zmq.Router, file.ControlPort);
        _stdin = Open(Zmq.Router, file.StdinPort);
        _iopub = Open(Zmq.XPub, file.IopubPort);
        _heartbeat = Open(Zmq.Rep, file.HeartbeatPort);
        var fds = stackalloc int[2];
        if (pipe(fds) != 0)
            throw new IOException($"pipe: errno {Marshal.GetLastPInvokeError()}");
        (_wakeRead, _wakeWrite) = (fds[0], fds[1]);
        _poller = new Thread(Run) { IsBackground = true, Name = "zmq" };

        nint Open(int type, int port)
        {
            var socket = Zmq.NewSocket(_context, type);
            Zmq.SetOption(socket, Zmq.OptLinger, 1000);
            Zmq.SetOption(socket, Zmq.OptSndHwm, 0);
            Zmq.SetOption(socket, Zmq.OptRcvHwm, 0);
            if (file.Ip.Contains(':'))
                Zmq.SetOption(socket, Zmq.OptIpv6, 1);
            if (type == Zmq.Router)
                Zmq.SetOption(socket, Zmq.OptRouterHandover, 1);
            if (type == Zmq.XPub)
                Zmq.SetOption(socket, Zmq.OptXPubVerbose, 1);
            Zmq.Bind(socket, file.Address(port));
            return socket;
        }
    }

    /// <summary>Starts receiving.</summary>
    internal void Start() => _poller.Start();

    /// <summary>Sends frames on a channel, from any thread, in the order of the calls of that thread.</summary>
    internal void Send(Channel channel, List<byte[]> frames)
    {
        _outgoing.Enqueue((channel switch
        {
            Channel.Shell => _shell,
            Channel.Control => _control,
            Channel.Stdin => _stdin,
            _ => _iopub,
        }, frames));
        Wake();
    }

    /// <summary>Sends what is queued, then closes all sockets.</summary>
    public void Dispose()
    {
        _closing = true;
        Wake();
        if (Thread.CurrentThread != _poller && _poller.IsAlive)
            _poller.Join(3000);
    }

    private void Wake()
    {
        if (Interlocked.Exchange(ref _wakePending, 1) != 0)
            return;
        byte one = 1;
        write(_wakeWrite, &one, 1);
    }

    private void Run()
    {
        Span<Zmq.PollItem> items =
        [
            new() { Socket = _shell, Events = Zmq.PollIn }, new() { Socket = _control, Events = Zmq.PollIn },
            new() { Socket = _stdin, Events = Zmq.PollIn }, new() { Socket = _iopub, Events = Zmq.PollIn },
            new() { Socket = _heartbeat, Events = Zmq.PollIn }, new() { Fd = _wakeRead, Events = Zmq.PollIn },
        ];
        while (true)
        {
            Zmq.Poll(items, 1000);
            if (items[5].Revents != 0)
            {
                byte drain;
                read(_wakeRead, &drain, 1);
                Volatile.Write(ref _wakePending, 0);
            }
            var closing = _closing;
            while (_outgoing.TryDequeue(out var message))
                Zmq.Send(message.Socket, message.Frames);
            if (closing)
                break;
            if (items[4].Revents != 0 && Zmq.Receive(_heartbeat) is { } beat)
                Zmq.Send(_heartbeat, beat);
            if (items[3].Revents != 0)
                Welcome();
            // Shell before control: an interrupt is to find the cells that were sent before it.
            // (Neither waits for a cell here.)
            Drain(_shell, Channel.Shell);
            Drain(_control, Channel.Control);
            Drain(_stdin, Channel.Stdin);
        }
        foreach (var socket in (ReadOnlySpan<nint>)[_shell, _control, _stdin, _iopub, _heartbeat])
            Zmq.Close(socket);
        Zmq.Terminate(_context);
        close(_wakeRead);
        close(_wakeWrite);
    }

    private void Welcome()
    {
        while (Zmq.Receive(_iopub) is { } subscription)
            if (subscription[0] is [1, .. var topic])
                Zmq.Send(_iopub, _wire.Write([topic], "iopub_welcome", null,
                    new() { ["subscription"] = System.Text.Encoding.UTF8.GetString(topic) }));
    }

    private void Drain(nint socket, Channel channel)
    {
        while (Zmq.Receive(socket) is { } frames)
        {
            try
            {
                Received?.Invoke(channel, _wire.Read(frames));
            }
            catch (BadMessageException e)
            {
                Log.Write($"{channel}: message dropped: {e.Message}");
            }
        }
    }
}

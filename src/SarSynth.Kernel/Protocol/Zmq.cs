// The part of libzmq's C API that a kernel needs (zmq.h, libzmq 4.x), through P/Invoke on the system's library.
using System.Reflection;
using System.Runtime.InteropServices;

namespace SarSynth.Kernel.Protocol;

/// <summary>libzmq: contexts, sockets, multipart messages, poll.</summary>
internal static unsafe partial class Zmq
{
    private const string Library = "zmq";

    internal const int Pair = 0, Rep = 4, Dealer = 5, Router = 6, XPub = 9;
    internal const int OptLinger = 17, OptSndHwm = 23, OptRcvHwm = 24, OptRcvMore = 13, OptRouterHandover = 56,
        OptXPubVerbose = 40, OptMaxMsgSize = 22, OptIpv6 = 42;
    internal const short PollIn = 1;
    internal const int DontWait = 1, SndMore = 2;

    private const int EAgain = 11, EIntr = 4;

    static Zmq() => NativeLibrary.SetDllImportResolver(typeof(Zmq).Assembly, Resolve);

    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? path)
    {
        if (name != Library)
            return 0;
        foreach (var candidate in new[] { "libzmq.so.5", "libzmq.so", "libzmq.5.dylib", "libzmq.dylib", "libzmq" })
            if (NativeLibrary.TryLoad(candidate, assembly, path, out var handle))
                return handle;
        throw new DllNotFoundException(
            "libzmq was not found: install it (Debian and Ubuntu: apt-get install libzmq5).");
    }

    /// <summary>One item of <see cref="Poll"/>, as zmq_pollitem_t.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct PollItem
    {
        public nint Socket;
        public int Fd;
        public short Events;
        public short Revents;
    }

    [StructLayout(LayoutKind.Sequential, Size = 64)]
    private struct Msg
    {
        private fixed ulong _data[8];
    }

    [LibraryImport(Library)] private static partial nint zmq_ctx_new();
    [LibraryImport(Library)] private static partial int zmq_ctx_term(nint context);
    [LibraryImport(Library)] private static partial int zmq_ctx_set(nint context, int option, int value);
    [LibraryImport(Library, SetLastError = true)] private static partial nint zmq_socket(nint context, int type);
    [LibraryImport(Library)] private static partial int zmq_close(nint socket);
    [LibraryImport(Library,
        StringMarshalling = StringMarshalling.Utf8)] private static partial int zmq_bind(nint socket, string address);
    [LibraryImport(Library)] private static partial int zmq_setsockopt(nint socket, int option, void* value,
        nuint size);
    [LibraryImport(Library)] private static partial int zmq_getsockopt(nint socket, int option, void* value,
        nuint* size);
    [LibraryImport(Library)] private static partial int zmq_send(nint socket, byte* data, nuint size, int flags);
    [LibraryImport(Library)] private static partial int zmq_msg_init(Msg* message);
    [LibraryImport(Library)] private static partial int zmq_msg_close(Msg* message);
    [LibraryImport(Library)] private static partial int zmq_msg_recv(Msg* message, nint socket, int flags);
    [LibraryImport(Library)] private static partial byte* zmq_msg_data(Msg* message);
    [LibraryImport(Library)] private static partial nuint zmq_msg_size(Msg* message);
    [LibraryImport(Library)] private static partial int zmq_poll(PollItem* items, int count, nint timeout);
    [LibraryImport(Library)] private static partial int zmq_errno();
    [LibraryImport(Library)] private static partial nint zmq_strerror(int error);

    /// <summary>A new context with one I/O thread.</summary>
    internal static nint NewContext() => zmq_ctx_new();

    /// <summary>Ends <paramref name="context"/>; all of its sockets must be closed.</summary>
    internal static void Terminate(nint context) => zmq_ctx_term(context);

    /// <summary>A new socket of <paramref name="type"/> in <paramref name="context"/>.</summary>
    internal static nint NewSocket(nint context, int type)
    {
        var socket = zmq_socket(context, type);
        return socket != 0 ? socket : throw Error("zmq_socket");
    }

    internal static void Close(nint socket) => zmq_close(socket);

    /// <summary>Binds; <exception cref="IOException">names the address and libzmq's reason.</exception></summary>
    internal static void Bind(nint socket, string address)
    {
        if (zmq_bind(socket, address) != 0)
            throw Error($"cannot listen on {address}");
    }

    internal static void SetOption(nint socket, int option, int value)
    {
        if (zmq_setsockopt(socket, option, &value, sizeof(int)) != 0)
            throw Error($"zmq_setsockopt {option}");
    }

    /// <summary>
    /// Waits for input on any of <paramref name="items"/>; returns how many are ready (0 after the time-out).
    /// </summary>
    internal static int Poll(Span<PollItem> items, int timeoutMilliseconds)
    {
        fixed (PollItem* p = items)
        {
            var ready = zmq_poll(p, items.Length, timeoutMilliseconds);
            return ready >= 0 ? ready : zmq_errno() == EIntr ? 0 : throw Error("zmq_poll");
        }
    }

    /// <summary>Receives one whole multipart message without waiting; null where none is there.</summary>
    internal static List<byte[]>? Receive(nint socket)
    {
        List<byte[]>? frames = null;
        while (true)
        {
            Msg message;
            zmq_msg_init(&message);
            while (zmq_msg_recv(&message, socket, DontWait) < 0)
            {
                var error = zmq_errno();
                if (error == EIntr)
                    continue;
                zmq_msg_close(&message);
                return error == EAgain ? frames : throw Error("zmq_msg_recv");
            }
            (frames ??= []).Add(new ReadOnlySpan<byte>(zmq_msg_data(&message), checked((int)zmq_msg_size(&message)))
                .ToArray());
            zmq_msg_close(&message);
            int more = 0;
            nuint size = sizeof(int);
            if (zmq_getsockopt(socket, OptRcvMore, &more, &size) != 0 || more == 0)
                return frames;
        }
    }

    /// <summary>Sends a multipart message; false where the peer is gone or its queue is full.</summary>
    internal static bool Send(nint socket, IReadOnlyList<byte[]> frames)
    {
        for (var i = 0; i < frames.Count; i++)
        {
            var flags = DontWait | (i + 1 < frames.Count ? SndMore : 0);
            fixed (byte* p = frames[i])
                while (zmq_send(socket, p, (nuint)frames[i].Length, flags) < 0)
                    if (zmq_errno() != EIntr)
                        return false;
        }
        return true;
    }

    private static IOException Error(string what) =>
        new($"{what}: {Marshal.PtrToStringUTF8(zmq_strerror(zmq_errno()))}");
}

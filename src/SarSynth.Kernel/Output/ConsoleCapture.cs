// stdout and stderr of cells: Console's writers directly, and what native code and child processes write to
// descriptors 1 and 2 through pipes; stdin through the front end.
using System.Runtime.InteropServices;
using System.Text;
using SarSynth.Kernel.Execution;

namespace SarSynth.Kernel.Output;

/// <summary>Sends the process's standard streams to the running cell.</summary>
internal static unsafe partial class ConsoleCapture
{
    private const int SetPipeSize = 1031, BytesReadable = 0x541B, PipeBytes = 1 << 20;
    private static readonly List<NativeStream> Streams = [];

    [LibraryImport("libc", SetLastError = true)] private static partial int pipe(int* fds);
    [LibraryImport("libc", SetLastError = true)] private static partial int dup(int fd);
    [LibraryImport("libc", SetLastError = true)] private static partial int dup2(int from, int to);
    [LibraryImport("libc", SetLastError = true)] private static partial nint read(int fd, byte* data, nuint size);
    [LibraryImport("libc")] private static partial int close(int fd);
    [LibraryImport("libc")] private static partial int fcntl(int fd, int command, int argument);
    [LibraryImport("libc")] private static partial int ioctl(int fd, nuint request, int* argument);
    [LibraryImport("libc")] private static partial int fflush(nint stream);

    /// <summary>Keeps the present stderr for the log and captures everything else.</summary>
    internal static void Begin()
    {
        if (!OperatingSystem.IsWindows())
        {
            Log.Target = new FileStream(new Microsoft.Win32.SafeHandles.SafeFileHandle(dup(2), true), FileAccess.Write,
                0);
            Streams.Add(new NativeStream(1, "stdout"));
            Streams.Add(new NativeStream(2, "stderr"));
        }
        Console.SetOut(new CellWriter("stdout"));
        Console.SetError(new CellWriter("stderr"));
        Console.SetIn(new CellReader());
    }

    /// <summary>Waits, at the end of a cell, until what native code printed has arrived.</summary>
    internal static void Drain()
    {
        if (Streams.Count == 0)
            return;
        fflush(0);
        foreach (var stream in Streams)
            stream.Drain();
    }

    private sealed class NativeStream
    {
        private readonly int _read;
        private readonly string _name;
        private volatile bool _reading;

        internal NativeStream(int descriptor, string name)
        {
            _name = name;
            var fds = stackalloc int[2];
            if (pipe(fds) != 0 || dup2(fds[1], descriptor) < 0)
                throw new IOException($"cannot capture {name}: errno {Marshal.GetLastPInvokeError()}");
            close(fds[1]);
            fcntl(descriptor, SetPipeSize, PipeBytes);
            _read = fds[0];
            new Thread(Run) { IsBackground = true, Name = $"native {name}" }.Start();
        }

        internal void Drain()
        {
            for (var i = 0; i < 400; i++)
            {
                int waiting = 0;
                ioctl(_read, BytesReadable, &waiting);
                if (waiting == 0 && !_reading)
                    return;
                Thread.Sleep(1);
            }
        }

        private void Run()
        {
            var buffer = new byte[64 * 1024];
            var characters = new char[buffer.Length + 4];
            var decoder = Encoding.UTF8.GetDecoder();
            while (true)
            {
                // Wait until something is there, and only then say that it is being taken.
                nint count;
                byte first;
                count = read(_read, &first, 1);
                _reading = true;
                if (count <= 0)
                {
                    if (count == 0)
                        return;
                    continue;
                }
                buffer[0] = first;
                int waiting = 0;
                ioctl(_read, BytesReadable, &waiting);
                if (waiting > 0)
                    fixed (byte* p = buffer)
                        count += Math.Max(0, read(_read, p + 1, (nuint)Math.Min(waiting, buffer.Length - 1)));
                var decoded = decoder.GetChars(buffer, 0, (int)count, characters, 0, flush: false);
                Cell.CurrentOrLast.Write(_name, characters.AsSpan(0, decoded));
                _reading = false;
            }
        }
    }

    private sealed class CellWriter(string name) : TextWriter
    {
        public override Encoding Encoding => Encoding.UTF8;

        public override void Write(char value) => Cell.CurrentOrLast.Write(name, new ReadOnlySpan<char>(in value));

        public override void Write(char[] buffer, int index, int count) =>
            Cell.CurrentOrLast.Write(name, buffer.AsSpan(index, count));

        public override void Write(ReadOnlySpan<char> buffer) => Cell.CurrentOrLast.Write(name, buffer);

        public override void Write(string? value) => Cell.CurrentOrLast.Write(name, value);

        // One piece, so that lines of several threads do not mix.
        public override void WriteLine(string? value) => Cell.CurrentOrLast.Write(name, value + "\n");
    }

    private sealed class CellReader : TextReader
    {
        private string _rest = "";

        public override string? ReadLine()
        {
            if (_rest.Length == 0)
                return Cell.CurrentOrLast.Input("", password: false);
            var line = _rest.TrimEnd('\n');
            _rest = "";
            return line;
        }

        public override int Peek()
        {
            if (_rest.Length == 0)
                _rest = Cell.CurrentOrLast.Input("", password: false) + "\n";
            return _rest[0];
        }

        public override int Read()
        {
            var next = Peek();
            _rest = _rest[1..];
            return next;
        }
    }
}

// Random number generators; the numbers are libtorch's, so a seed gives what it gives in PyTorch.
using System.Runtime.InteropServices;

namespace TorchSharp;

public static partial class torch
{
    public class Generator : IDisposable
    {
        private IntPtr _handle;

        public Generator(ulong seed = 0, Device? device = null)
        {
            this.device = device ?? new Device(DeviceType.CPU);
            Native.Check(Native.st_generator((int)this.device.type, this.device.index, 1, out _handle));
            manual_seed((long)seed);
        }

        private Generator(IntPtr handle)
        {
            _handle = handle;
            device = new Device(DeviceType.CPU);
        }

        public static Generator Default
        {
            get
            {
                Native.Check(Native.st_generator((int)DeviceType.CPU, -1, 0, out var handle));
                return new Generator(handle);
            }
        }

        public Device device { get; }

        public IntPtr Handle => _handle != IntPtr.Zero ? _handle : throw new ObjectDisposedException(nameof(Generator));

        public Generator manual_seed(long seed)
        {
            Native.Check(Native.st_generator_seed(Handle, 1, ref seed));
            return this;
        }

        /// <summary>Takes a new seed from the system's source of randomness.</summary>
        public long seed()
        {
            var bytes = System.Security.Cryptography.RandomNumberGenerator.GetBytes(8);
            var s = BitConverter.ToInt64(bytes) & long.MaxValue;
            manual_seed(s);
            return s;
        }

        public long initial_seed()
        {
            long s = 0;
            Native.Check(Native.st_generator_seed(Handle, 0, ref s));
            return s;
        }

        public Tensor get_state()
        {
            Native.Check(Native.st_generator_state(Handle, IntPtr.Zero, out var state));
            return Tensor.Own(state)!;
        }

        public void set_state(Tensor value)
        {
            Native.Check(Native.st_generator_state(Handle, value.Live, out _));
            GC.KeepAlive(value);
        }

        ~Generator() => Dispose(false);

        public void Dispose()
        {
            Dispose(true);
            GC.SuppressFinalize(this);
        }

        protected virtual void Dispose(bool disposing)
        {
            var p = Interlocked.Exchange(ref _handle, IntPtr.Zero);
            if (p != IntPtr.Zero) Native.st_generator_release(p);
        }
    }
}

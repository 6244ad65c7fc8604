using static TorchSharp.torch;

namespace TorchSharp.Modules;

/// <summary>A tensor that a module trains.</summary>
public class Parameter : Tensor
{
    /// <summary>Takes the same native tensor as data, which stays valid.</summary>
    public Parameter(Tensor data, bool requires_grad = true) : base(Native.st_alias(data.Live))
    {
        GC.KeepAlive(data);
        if (this.requires_grad != requires_grad) this.requires_grad = requires_grad;
    }

    internal Parameter(IntPtr handle) : base(handle) { }
}

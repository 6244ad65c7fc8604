// torch.Tensor: complex numbers and short-time Fourier transforms.
namespace TorchSharp;

public static partial class torch
{
    public partial class Tensor
    {
        public Tensor angle() => Aten.Call("angle", this);
        public Tensor conj() => Aten.Call("conj", this);
        public Tensor conj_physical() => Aten.Call("conj_physical", this);
        public Tensor conj_physical_() => Aten.Self("conj_physical_", this);
        public Tensor resolve_conj() => Aten.Call("resolve_conj", this);
        public Tensor resolve_neg() => Aten.Call("resolve_neg", this);
        public Tensor sgn() => Aten.Call("sgn", this);
        public Tensor sgn_() => Aten.Self("sgn_", this);
    }
}

// torch: activation functions.
namespace TorchSharp;

public static partial class torch
{
    public static Tensor logit(Tensor input, double? eps = null) => input.logit(eps);
    public static Tensor sigmoid(Tensor input) => input.sigmoid();
    public static Tensor sigmoid_(Tensor input) => input.sigmoid_();
}

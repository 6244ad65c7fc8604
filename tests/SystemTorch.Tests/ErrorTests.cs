using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace SystemTorch.Tests;

/// <summary>Whatever goes wrong inside libtorch comes back as an exception, and the process goes on.</summary>
public class ErrorTests
{
    private static void Fails<T>(string part, Action action) where T : Exception => Fails<T>([part], action);

    /// <summary>The words differ between versions of libtorch: one of <paramref name="parts"/> is there.</summary>
    private static void Fails<T>(string[] parts, Action action) where T : Exception
    {
        using var scope = NewDisposeScope();
        var e = Assert.ThrowsAny<T>(action);
        Assert.True(parts.Any(e.Message.Contains), $"\"{e.Message}\" has none of: {string.Join(" | ", parts)}");
        Assert.DoesNotContain("frame #", e.Message);
        Assert.Equal(4f, (torch.ones(2) + 1).sum().item<float>());
    }

    [Fact] public void Shapes_of_a_matmul() => Fails<ExternalException>("mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)", () => torch.ones(2, 3).matmul(torch.ones(4, 5)));
    [Fact] public void Shapes_of_a_sum() => Fails<ExternalException>("The size of tensor a (3) must match the size of tensor b (4)", () => _ = torch.ones(2, 3) + torch.ones(2, 4));
    [Fact] public void Dtypes_of_a_matmul() => Fails<ExternalException>(["expected scalar type Float but found Double", "to have the same dtype, but got: float != double"], () => torch.ones(2, 2).matmul(torch.ones(2, 2, float64)));
    [Fact] public void An_index_beyond_the_end() => Fails<ExternalException>("index 5 out of range", () => _ = torch.ones(3)[5]);
    [Fact] public void An_index_tensor_beyond_the_end() => Fails<ExternalException>("index 7 is out of bounds", () => _ = torch.ones(3)[torch.tensor(new long[] { 7 })]);
    [Fact] public void Too_many_indices() => Fails<ArgumentException>("too many indices", () => _ = torch.ones(3)[TensorIndex.Single(0), TensorIndex.Single(0)]);
    [Fact] public void More_memory_than_there_is() => Fails<ExternalException>("can't allocate memory", () => torch.empty(1L << 50));
    [Fact] public void A_negative_size() => Fails<ExternalException>("negative dimension", () => torch.empty(-3));
    [Fact] public void A_view_of_another_size() => Fails<ExternalException>("shape '[5]' is invalid for input of size 6", () => torch.ones(2, 3).view(5));
    [Fact] public void Backward_without_gradient() => Fails<ExternalException>("does not require grad", () => torch.ones(1).backward());
    [Fact] public void Backward_twice() => Fails<ExternalException>("second time", () => { var x = torch.ones(2, requires_grad: true); var y = x.exp().sum(); y.backward(); y.backward(); });
    [Fact] public void Change_in_place_of_a_leaf() => Fails<ExternalException>("leaf Variable", () => torch.ones(2, requires_grad: true).add_(1));
    [Fact] public void Wrong_group_count() => Fails<ArgumentException>("num_channels must be divisible by num_groups: 5 by 2", () => nn.GroupNorm(2, 5));
    [Fact] public void Convolution_of_other_channels() => Fails<ExternalException>("expected input[1, 3, 8, 8] to have 4 channels", () => nn.Conv2d(4, 2, 3).call(torch.ones(1, 3, 8, 8)));
    [Fact] public void Several_elements_as_one() => Fails<InvalidOperationException>("shape [3]", () => torch.ones(3).item<float>());
    [Fact] public void Wrong_element_type() => Fails<ArgumentException>("data<Double>() reads Float64, the tensor has Float32", () => torch.ones(3).data<double>());
    [Fact] public void Values_that_do_not_fit_the_shape() => Fails<ArgumentException>("3 values do not make a tensor of shape [2, 2]", () => torch.tensor(new float[3], [2, 2]));
    [Fact] public void A_singular_matrix() => Fails<ExternalException>("singular", () => linalg.inv(torch.zeros(2, 2)));
    [Fact] public void A_device_that_is_not_there() => Fails<Exception>("CUDA", () => { if (cuda.is_available()) throw new InvalidOperationException("CUDA is there"); torch.ones(1).cuda(); });
    [Fact] public void A_device_without_sense() => Fails<ArgumentException>("Invalid device description: 'gpu'", () => device("gpu"));
    [Fact] public void An_operator_that_does_not_exist() => Fails<NotSupportedException>("no operator aten::nonsense", () => SystemTorchInfo.OperatorSchema("nonsense"));
    [Fact] public void A_missing_state() => Fails<InvalidOperationException>("missing [bias]", () => nn.Linear(2, 2).load_state_dict(new() { ["weight"] = torch.ones(2, 2) }));
    [Fact] public void A_state_of_another_shape() => Fails<ArgumentException>("state 'weight' has shape [3, 2]", () => nn.Linear(2, 2).load_state_dict(new() { ["weight"] = torch.ones(3, 2), ["bias"] = torch.ones(2) }));
    [Fact] public void A_tensor_made_in_inference_mode() => Fails<ExternalException>("nference", () => { Tensor x; using (inference_mode()) x = torch.ones(2); x.requires_grad_(); (x * x).sum().backward(); });

    [Fact]
    public void Grad_modes_nest()
    {
        Assert.True(is_grad_enabled());
        using (no_grad())
        {
            using (enable_grad()) Assert.True(is_grad_enabled());
            Assert.False(is_grad_enabled());
            using var x = torch.ones(1, requires_grad: true);
            using var y = x * 2;
            Assert.False(y.requires_grad);
        }
        using (inference_mode()) Assert.True(is_inference_mode_enabled());
        Assert.True(is_grad_enabled());
    }
}

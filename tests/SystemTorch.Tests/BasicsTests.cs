using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace SystemTorch.Tests;

/// <summary>The core of the engine against closed forms: values, views, gradients, errors.</summary>
public class BasicsTests
{
    [Fact]
    public void Arithmetic_and_reductions()
    {
        using var scope = NewDisposeScope();
        var a = torch.tensor(new float[] { 1, 2, 3, 4 }).reshape(2, 2);
        var b = torch.ones(2, 2);
        Assert.Equal([2f, 3f, 4f, 5f], (a + b).data<float>().ToArray());
        Assert.Equal(10f, a.sum().item<float>());
        Assert.Equal([7f, 10f, 15f, 22f], a.matmul(a).data<float>().ToArray());
        Assert.Equal([0.5f, 1f, 1.5f, 2f], (a / 2).data<float>().ToArray());
        Assert.Equal([3f, 2f, 1f, 0f], (4 - a).data<float>().ToArray());
    }

    [Fact]
    public void Gradient_of_a_square_sum()
    {
        using var scope = NewDisposeScope();
        var x = torch.tensor(new double[] { 1, -2, 3 }, requires_grad: true);
        (x * x).sum().backward();
        Assert.Equal([2.0, -4.0, 6.0], x.grad!.data<double>().ToArray());
    }

    [Fact]
    public void A_wrong_matmul_is_an_exception_with_ATens_message()
    {
        using var scope = NewDisposeScope();
        var e = Assert.Throws<ExternalException>(() => torch.ones(2, 3).matmul(torch.ones(2, 3)));
        Assert.Equal("mat1 and mat2 shapes cannot be multiplied (2x3 and 2x3)", e.Message);
    }

    private sealed class Net : nn.Module<Tensor, Tensor>
    {
        private readonly TorchSharp.Modules.Conv2d conv = nn.Conv2d(1, 4, 3, padding: 1);
        private readonly TorchSharp.Modules.GroupNorm norm = nn.GroupNorm(2, 4);
        private readonly TorchSharp.Modules.Linear head = nn.Linear(4, 2);

        public Net() : base("Net") => RegisterComponents();

        public override Tensor forward(Tensor input) => head.call(nn.functional.silu(norm.call(conv.call(input))).mean([2, 3]));
    }

    [Fact]
    public void A_small_net_learns()
    {
        manual_seed(0);
        using var net = new Net();
        Assert.Equal(["conv.weight", "conv.bias", "norm.weight", "norm.bias", "head.weight", "head.bias"], net.state_dict().Keys);
        using var optimizer = optim.AdamW(net.parameters(), lr: 0.01);
        using var x = torch.randn(8, 1, 8, 8);
        using var y = torch.randn(8, 2);
        double first = 0, last = 0;
        for (var k = 0; k < 60; k++)
        {
            using var scope = NewDisposeScope();
            optimizer.zero_grad();
            var loss = nn.functional.mse_loss(net.call(x), y);
            loss.backward();
            optimizer.step();
            last = loss.item<float>();
            if (k == 0) first = last;
        }
        Assert.True(last < 0.7 * first, $"{first} -> {last}");
    }

    [Fact]
    public void Waiting_threads_soon_sleep_unless_the_user_chose_otherwise()
    {
        torch.ones(1).Dispose();
        var chosen = Environment.GetEnvironmentVariable("GOMP_SPINCOUNT");
        var expected = Environment.GetEnvironmentVariable("OMP_WAIT_POLICY") is null ? chosen ?? "1000" : chosen;
        Assert.Equal(expected, System.Runtime.InteropServices.Marshal.PtrToStringUTF8(getenv("GOMP_SPINCOUNT")));
    }

    [System.Runtime.InteropServices.DllImport("libc")]
    private static extern nint getenv([System.Runtime.InteropServices.MarshalAs(System.Runtime.InteropServices.UnmanagedType.LPUTF8Str)] string name);
}

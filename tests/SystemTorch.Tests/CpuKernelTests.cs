// The shim's own CPU kernels against the same formulas in float64, operator by operator through libtorch.
using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace SystemTorch.Tests;

public sealed class CpuKernelTests
{
    // Heads that divide the rows of scores evenly or not, one query, more keys than fit one block, one head of odd width.
    public static readonly TheoryData<long, long, long, long, long, bool> Shapes = new()
    {
        { 2, 3, 77, 77, 16, false }, { 1, 2, 300, 77, 40, true }, { 2, 1, 1, 5, 8, true }, { 1, 2, 64, 9000, 8, false }, { 1, 1, 129, 130, 7, true },
    };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void AttentionAndItsGradientsEqualFloat64(long batch, long heads, long length, long keys, long width, bool masked)
    {
        using var scope = NewDisposeScope();
        var generator = new Generator(7);
        // Heads inside the last dimension, as projections leave them: strided views.
        Tensor Draw(long tokens) => randn(batch, tokens, heads * width, generator: generator);
        Tensor Split(Tensor x) => x.view(batch, x.shape[1], heads, width).transpose(1, 2);
        var given = new[] { Draw(length), Draw(keys), Draw(keys) };
        var mask = masked ? randn(batch, 1, 1, keys, generator: generator) : null;
        var weight = Draw(length);

        Tensor[] single = [.. given.Select(t => t.clone().requires_grad_())], precise = [.. given.Select(t => t.to(ScalarType.Float64).requires_grad_())];
        var result = F.scaled_dot_product_attention(Split(single[0]), Split(single[1]), Split(single[2]), mask);
        var scores = Split(precise[0]).matmul(Split(precise[1]).transpose(-2, -1)).div(Math.Sqrt(width));
        var expected = (mask is null ? scores : scores.add(mask.to(ScalarType.Float64))).softmax(-1).matmul(Split(precise[2]));
        Assert.True(Distance(result, expected) < 2e-6, $"{Distance(result, expected)}");

        result.mul(Split(weight)).sum().backward();
        expected.mul(Split(weight.to(ScalarType.Float64))).sum().backward();
        for (var k = 0; k < given.Length; k++)
            Assert.True(Distance(single[k].grad!, precise[k].grad!) < 5e-6, $"gradient {k}: {Distance(single[k].grad!, precise[k].grad!)}");

        using var quiet = no_grad();
        Assert.True(Distance(F.scaled_dot_product_attention(Split(given[0]), Split(given[1]), Split(given[2]), mask), expected) < 2e-6);
    }

    [Fact]
    public void AttentionOfNotANumberIsNotANumberInItsRowOnly()
    {
        using var scope = NewDisposeScope();
        Tensor q = ones(1, 1, 3, 4), kv = ones(1, 1, 5, 4);
        q[0, 0, 1, 2] = float.NaN;
        var rows = F.scaled_dot_product_attention(q, kv, kv).isnan().any(-1).flatten().data<bool>().ToArray();
        Assert.False(rows[0] || rows[2]);
        // libtorch 2.6's own kernel gives numbers for such a row.
        if (!SystemTorchInfo.HasOperator("scaled_dot_product_attention"))
            Assert.True(rows[1]);
    }

    [Fact]
    public void AttentionsGradientCannotBeDifferentiatedAgainAndSaysSo()
    {
        if (SystemTorchInfo.HasOperator("scaled_dot_product_attention"))
            return; // libtorch's own kernel then
        using var scope = NewDisposeScope();
        var q = randn([1, 1, 4, 4], generator: new Generator(1)).requires_grad_();
        var sum = F.scaled_dot_product_attention(q, q, q).sum();
        var error = Assert.Throws<ExternalException>(() => autograd.grad([sum], [q], create_graph: true));
        Assert.Contains("cannot be differentiated again", error.Message);
    }

    [Theory]
    [InlineData(ScalarType.Float32, 3e-7)]
    [InlineData(ScalarType.BFloat16, 4e-3)]
    public void GeluAndItsGradientEqualFloat64(ScalarType type, double tolerance)
    {
        using var scope = NewDisposeScope();
        // Half of the last dimension, as a gated layer takes it, from -12 to 12 with the ends where the bell is 0.
        var whole = linspace(-12, 12, 3 * 5 * 700).view(3, 5, 700).to(type);
        var precise = whole.to(ScalarType.Float64).narrow(-1, 350, 350).detach().requires_grad_();
        var leaf = whole.clone().requires_grad_();
        var expected = Aten64Gelu(precise);
        Assert.True(Distance(F.gelu(whole.narrow(-1, 350, 350)), expected) < tolerance, $"{Distance(F.gelu(whole.narrow(-1, 350, 350)), expected)}");
        F.gelu(leaf.narrow(-1, 350, 350)).sum().backward();
        expected.sum().backward();
        Assert.True(Distance(leaf.grad!.narrow(-1, 350, 350), precise.grad!) < tolerance);
        Assert.Equal(0, leaf.grad!.narrow(-1, 0, 350).abs().max().to(ScalarType.Float32).item<float>());
    }

    [Fact]
    public void GelusGradientCanBeDifferentiatedAgain()
    {
        using var scope = NewDisposeScope();
        var x = linspace(-3, 3, 50).requires_grad_();
        var first = autograd.grad([F.gelu(x).sum()], [x], create_graph: true)[0];
        var second = autograd.grad([first.sum()], [x])[0];
        // d2/dx2 of x Phi(x) is phi(x) (2 - x^2).
        var expected = x.detach().pow(2).mul(-0.5).exp().div(Math.Sqrt(2 * Math.PI)).mul(2 - x.detach().pow(2));
        Assert.True(Distance(second, expected) < 1e-6);
    }

    [Fact]
    public void SiluOverItselfCountsAsAChange()
    {
        using var scope = NewDisposeScope();
        // 81 values, with the ends where e^-x leaves float32; 3 x 3 images with their channels innermost.
        var x = linspace(-95, 95, 81).view(1, 3, 3, 9).permute(0, 3, 1, 2).to(ScalarType.BFloat16);
        var expected = x.to(ScalarType.Float64);
        expected = expected * expected.sigmoid();
        var changed = x.clone();
        Assert.True(Distance(changed.silu_(), expected) < 4e-3);
        var weight = ones(1, ScalarType.BFloat16).requires_grad_();
        var kept = x.clone();
        var product = weight * kept;
        kept.silu_();
        Assert.Throws<ExternalException>(() => product.sum().backward());
    }

    [Fact]
    public void NormalisationOfHalvesIsRoundedOnce()
    {
        using var scope = NewDisposeScope();
        var x = randn([2, 64, 8, 8], generator: new Generator(3)).add(5).to(ScalarType.BFloat16);
        Tensor weight = randn([64], generator: new Generator(4)).to(ScalarType.BFloat16), bias = zeros_like(weight);
        Tensor Precise(Tensor t) => t.to(ScalarType.Float64);
        Assert.True(Distance(F.group_norm(x, 32, weight, bias), F.group_norm(Precise(x), 32, Precise(weight), Precise(bias))) < 4e-3);
        var tokens = x.flatten(2).transpose(1, 2);
        Assert.True(Distance(F.layer_norm(tokens, [64], weight, bias), F.layer_norm(Precise(tokens), [64], Precise(weight), Precise(bias))) < 4e-3);
    }

    private static Tensor Aten64Gelu(Tensor x) => x.mul(0.5).mul(x.div(Math.Sqrt(2)).erf().add(1));

    /// <summary>Largest difference, as a share of the largest value.</summary>
    private static double Distance(Tensor found, Tensor expected)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var precise = expected.to(ScalarType.Float64);
        return (found.to(ScalarType.Float64) - precise).abs().max().item<double>() / precise.abs().max().item<double>();
    }
}

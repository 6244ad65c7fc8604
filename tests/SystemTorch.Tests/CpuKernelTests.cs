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

    // Even and odd sizes, channels that fill no panel, every padding that keeps the kernel in reach, several chunks of tiles, one row of them.
    public static readonly TheoryData<long, long, long, long, long, long, long> Images = new()
    {
        { 1, 32, 64, 16, 16, 1, 1 }, { 2, 24, 40, 15, 17, 1, 1 }, { 1, 33, 97, 24, 13, 0, 2 }, { 3, 64, 32, 8, 21, 2, 0 }, { 1, 128, 128, 72, 64, 1, 1 }, { 1, 48, 24, 4, 100, 1, 1 },
    };

    [Theory]
    [MemberData(nameof(Images))]
    public void ConvolutionAndItsGradientsEqualFloat64(long batch, long from, long to, long height, long width, long padY, long padX)
    {
        using var scope = NewDisposeScope();
        var generator = new Generator(11);
        Tensor[] given = [randn(batch, from, height, width, generator: generator), randn(to, from, 3, 3, generator: generator), randn(to, generator: generator)];
        Tensor[] precise = [.. given.Select(t => t.to(ScalarType.Float64).requires_grad_())];
        var expected = F.conv2d(precise[0], precise[1], precise[2], padding: [padY, padX]);
        var weight = randn(expected.shape, generator: generator);
        expected.mul(weight.to(ScalarType.Float64)).sum().backward();
        foreach (var channelsLast in new[] { false, true })
        {
            Tensor Ordered(Tensor t) => channelsLast && t.dim() == 4 ? t.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2) : t.clone();
            Tensor[] single = [.. given.Select(t => Ordered(t).requires_grad_())];
            var result = F.conv2d(single[0], single[1], single[2], padding: [padY, padX]);
            Assert.Equal(expected.shape, result.shape);
            Assert.Equal(!channelsLast, result.is_contiguous());
            Assert.True(Distance(result, expected) < 2e-6, $"{Distance(result, expected)}");
            result.mul(weight).sum().backward();
            for (var k = 0; k < given.Length; k++)
                Assert.True(Distance(single[k].grad!, precise[k].grad!) < 3e-6, $"gradient {k}: {Distance(single[k].grad!, precise[k].grad!)}");
            using var quiet = no_grad();
            // Neither dense in one order nor in the other: every second column of a wider image.
            var strided = zeros(batch, from, height, 2 * width)[.., .., .., TensorIndex.Slice(0, null, 2)].copy_(given[0]);
            Assert.True(Distance(F.conv2d(strided, single[1], padding: [padY, padX]), expected.sub(precise[2].view(-1, 1, 1))) < 2e-6);
        }
    }

    [Fact]
    public void ConvolutionKeepsWhatAnExactSumKeeps()
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        // Integers of a size at which neither way rounds: equal to the last bit.
        var generator = new Generator(5);
        Tensor x = randint(-8, 9, [2, 32, 20, 12], generator: generator), w = randint(-4, 5, [48, 32, 3, 3], generator: generator).mul(4);
        Assert.Equal(0, Distance(F.conv2d(x, w, padding: [1, 1]), F.conv2d(x.to(ScalarType.Float64), w.to(ScalarType.Float64), padding: [1, 1])));
    }

    [Fact]
    public void ConvolutionsGradientCanBeDifferentiatedAgain()
    {
        using var scope = NewDisposeScope();
        var generator = new Generator(2);
        Tensor x = randn([1, 24, 16, 16], generator: generator), w = randn([24, 24, 3, 3], generator: generator);
        Tensor Penalty(Tensor image, Tensor weight)
        {
            var slope = autograd.grad([F.conv2d(image, weight, padding: [1, 1]).pow(2).sum()], [image], create_graph: true)[0];
            return autograd.grad([slope.pow(2).sum()], [weight])[0];
        }
        var found = Penalty(x.clone().requires_grad_(), w.clone().requires_grad_());
        var expected = Penalty(x.to(ScalarType.Float64).requires_grad_(), w.to(ScalarType.Float64).requires_grad_());
        Assert.True(Distance(found, expected) < 3e-6, $"{Distance(found, expected)}");
    }

    [Fact]
    public void ConvolutionGivesGradientsOnlyWhereTheyAreWanted()
    {
        using var scope = NewDisposeScope();
        Tensor x = randn(1, 32, 16, 16), w = randn(32, 32, 3, 3).requires_grad_();
        F.conv2d(x, w, padding: [1, 1]).sum().backward();
        Assert.Null(x.grad);
        // The gradient of a sum is that of ones: each weight meets every pixel that it reaches.
        Assert.True(Distance(w.grad![0, .., 1, 1], x.sum([0, 2, 3])) < 1e-4);
        var before = w.grad!.clone();
        F.conv2d(x.requires_grad_(), w.detach(), padding: [1, 1]).sum().backward();
        Assert.NotNull(x.grad);
        Assert.Equal(0, Distance(w.grad!, before));
    }

    // Groups of one channel and of all, channels that fill no vector, more than one piece of pixels, more channels than one buffer, no pixels at all but one.
    public static readonly TheoryData<long[], long, bool, ScalarType, double> Normalised = new()
    {
        { [2, 32, 16, 16], 8, true, ScalarType.Float32, 2e-6 }, { [1, 33, 7, 5], 33, true, ScalarType.Float32, 2e-6 }, { [3, 24, 65, 67], 1, true, ScalarType.Float32, 2e-6 },
        { [1, 1100, 3, 9], 4, true, ScalarType.Float32, 2e-6 }, { [2, 6, 40], 3, true, ScalarType.Float32, 2e-6 }, { [4, 10], 2, true, ScalarType.Float32, 2e-6 },
        { [1, 64, 1, 1], 2, true, ScalarType.Float32, 2e-6 }, { [2, 32, 20, 12], 4, false, ScalarType.Float32, 2e-6 },
        { [2, 48, 17, 9], 6, true, ScalarType.BFloat16, 8e-3 }, { [2, 48, 17, 9], 6, true, ScalarType.Float16, 1e-3 },
    };

    [Theory]
    [MemberData(nameof(Normalised))]
    public void GroupNormWithAndWithoutSiluAndItsGradientsEqualFloat64(long[] shape, long groups, bool affine, ScalarType type, double tolerance)
    {
        using var scope = NewDisposeScope();
        var generator = new Generator(13);
        // A mean that is large beside the deviation, where the sum of squares alone would cancel.
        Tensor x = randn(shape, generator: generator).add(30).to(type), upstream = randn(shape, generator: generator).to(type);
        Tensor[] parameters = [randn(shape[1], generator: generator).to(type), randn(shape[1], generator: generator).to(type)];
        foreach (var silu in new[] { false, true })
            foreach (var order in new[] { "plain", "channels last", "strided" })
            {
                var norm = nn.GroupNorm(groups, shape[1], eps: 1e-3, affine: affine, dtype: type);
                if (affine)
                    using (no_grad())
                        (_, _) = (norm.weight!.copy_(parameters[0]), norm.bias!.copy_(parameters[1]));
                var leaf = x.clone().requires_grad_();
                var given = order == "plain" || shape.Length != 4 ? leaf.alias()
                    : order == "channels last" ? leaf.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)
                    : cat([leaf, leaf], 3)[.., .., .., TensorIndex.Slice(null, shape[3])];
                var found = silu ? nn.Sequential(norm, nn.SiLU()).call(given) : norm.call(given);
                found.mul(upstream).sum().backward();

                var precise = x.to(ScalarType.Float64).requires_grad_();
                Tensor[] wide = [.. parameters.Select(p => p.to(ScalarType.Float64).requires_grad_())];
                var pixels = precise.view(shape[0], groups, -1);
                var centred = pixels - pixels.mean([2], keepdim: true);
                var expected = (centred / centred.pow(2).mean([2], keepdim: true).add(1e-3).sqrt()).view(shape);
                long[] channels = [shape[1], .. Enumerable.Repeat(1L, shape.Length - 2)];
                if (affine)
                    expected = expected * wide[0].view(channels) + wide[1].view(channels);
                expected = silu ? expected * expected.sigmoid() : expected;
                expected.mul(upstream.to(ScalarType.Float64)).sum().backward();

                string which = $"{order}{(silu ? ", silu" : "")}";
                Assert.True(Distance(found, expected) < tolerance, $"{which}: {Distance(found, expected)}");
                Assert.True(Distance(leaf.grad!, precise.grad!) < 4 * tolerance, $"{which}, gradient: {Distance(leaf.grad!, precise.grad!)}");
                if (affine)
                {
                    Assert.True(Distance(norm.weight!.grad!, wide[0].grad!) < 4 * tolerance, $"{which}, weight: {Distance(norm.weight!.grad!, wide[0].grad!)}");
                    Assert.True(Distance(norm.bias!.grad!, wide[1].grad!) < 4 * tolerance, $"{which}, bias: {Distance(norm.bias!.grad!, wide[1].grad!)}");
                }
                using var quiet = no_grad();
                Assert.Equal(0, Distance(silu ? nn.Sequential(norm, nn.SiLU()).call(given) : norm.call(given), found));
            }
    }

    [Fact]
    public void GroupNormsGradientCanBeDifferentiatedAgain()
    {
        using var scope = NewDisposeScope();
        var x = randn([2, 8, 6, 6], generator: new Generator(17));
        Tensor Penalty(Tensor image)
        {
            var norm = nn.GroupNorm(2, 8, dtype: image.dtype);
            var slope = autograd.grad([nn.Sequential(norm, nn.SiLU()).call(image).pow(3).sum()], [image], create_graph: true)[0];
            return autograd.grad([slope.pow(2).sum()], [image])[0];
        }
        var expected = Penalty(x.to(ScalarType.Float64).requires_grad_());
        Assert.True(Distance(Penalty(x.clone().requires_grad_()), expected) < 1e-5);
    }

    [Fact]
    public void SequenceOfGroupNormAndSiluStillRunsHooks()
    {
        using var scope = NewDisposeScope();
        var norm = nn.GroupNorm(2, 8);
        var sequence = nn.Sequential(norm, nn.SiLU(), nn.Identity());
        var x = randn([1, 8, 4, 4], generator: new Generator(19));
        var together = sequence.call(x);
        var seen = 0;
        var hook = norm.register_forward_hook((_, _, result) => { seen++; return result; });
        Assert.True(Distance(sequence.call(x), together) < 1e-6);
        hook.remove();
        Assert.Equal(0, Distance(sequence.call(x), together));
        Assert.Equal(1, seen);
    }

    [Theory]
    [InlineData(true, false, false)]
    [InlineData(true, true, true)]
    [InlineData(false, true, false)]
    public void AdamInOnePassEqualsItsStepsInFloat64(bool decoupled, bool amsgrad, bool maximize)
    {
        using var scope = NewDisposeScope();
        var generator = new Generator(23);
        // More values than one thread takes, and a number that fills no vector.
        var start = randn([3, 17, 1021], generator: generator);
        Tensor[] gradients = [.. Enumerable.Range(0, 5).Select(k => randn(start.shape, generator: generator).mul(5 - k))];
        Tensor Steps(ScalarType type)
        {
            var p = new TorchSharp.Modules.Parameter(start.to(type, copy: true));
            TorchSharp.Modules.OptimizerHelper optimizer = decoupled
                ? optim.AdamW([p], lr: 0.01, weight_decay: 0.1, amsgrad: amsgrad, maximize: maximize) : optim.Adam([p], lr: 0.01, weight_decay: 0.1, amsgrad: amsgrad, maximize: maximize);
            foreach (var g in gradients)
            {
                p.grad = g.to(type);
                optimizer.step();
            }
            return p.detach();
        }
        // float64 takes the single operators.
        Assert.True(Distance(Steps(ScalarType.Float32), Steps(ScalarType.Float64)) < 3e-7, $"{Distance(Steps(ScalarType.Float32), Steps(ScalarType.Float64))}");
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

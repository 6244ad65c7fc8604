using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace SystemTorch.Tests;

/// <summary>Operators and their gradients against python3-torch.</summary>
public class OperatorGoldenTests
{
    private static readonly Dictionary<string, Func<Tensor[], Tensor>> Cases = new()
    {
        ["add_alpha"] = x => torch.add(x[0], x[1], 0.5),
        ["rsub"] = x => 2.5 - x[0],
        ["div_floor"] = x => torch.div(x[0], x[1], RoundingMode.floor),
        ["reciprocal_scaled"] = x => 3 / x[0],
        ["pow"] = x => x[0].pow(2.5),
        ["exp_log_sqrt"] = x => x[0].exp() + x[0].log() * x[0].sqrt(),
        ["trigonometry"] = x => x[0].sin() * x[0].cos() + x[0].tanh() + x[0].atan(),
        ["lgamma_digamma"] = x => x[0].lgamma() + torch.digamma(x[0]),
        ["erf_erfinv"] = x => x[0].erf() + (x[0] * 0.1).erfinv(),
        ["clamp"] = x => x[0].clamp(-0.5, 0.7),
        ["clamp_min"] = x => x[0].clamp_min(0.1),
        ["where_mask"] = x => torch.where(x[2], x[0], x[1]),
        ["masked_fill"] = x => x[0].masked_fill(x[1], -1.5),
        ["masked_select"] = x => x[0].masked_select(x[1]),
        ["lerp"] = x => torch.lerp(x[0], x[1], x[2]),
        ["sum_dims"] = x => x[0].sum([1, 2], keepdim: true),
        ["mean_all"] = x => x[0].mean(),
        ["std_dim"] = x => x[0].std(1),
        ["var_biased"] = x => x[0].var([0L, 1L], unbiased: false),
        ["logsumexp"] = x => x[0].logsumexp(1),
        ["cumsum_cumprod"] = x => x[0].cumsum(0) + x[0].cumprod(1),
        ["max_dim"] = x => x[0].max(1).Item1,
        ["argmax"] = x => x[0].argmax(1),
        ["sort_descending"] = x => x[0].sort(1, descending: true).Item1,
        ["topk"] = x => x[0].topk(2, 1).Item1,
        ["norm_p"] = x => x[0].norm(3f),
        ["quantile"] = x => x[0].quantile(x[1], 1),
        ["histc"] = x => x[0].histc(5, -2, 2),
        ["matmul"] = x => x[0].matmul(x[1].t()),
        ["bmm"] = x => torch.bmm(x[0], x[1].transpose(1, 2)),
        ["baddbmm"] = x => torch.baddbmm(torch.ones(2, 5, 5), x[0], x[1].transpose(1, 2), 0.5f, 2f),
        ["einsum"] = x => torch.einsum("bnd,bmd->bnm", x[0], x[1]),
        ["inverse_det"] = x => linalg.inv(x[0]) * linalg.det(x[0]),
        ["solve"] = x => linalg.solve(x[0], x[1]),
        ["cholesky"] = x => linalg.cholesky(x[0].matmul(x[0].t()) + torch.eye(4)),
        ["svdvals"] = x => linalg.svdvals(x[0]),
        ["outer_diag"] = x => torch.outer(x[0], x[1]).diagonal(),
        ["views"] = x => x[0].permute(0, 2, 3, 1).reshape(2, -1, 4).transpose(1, 2).unsqueeze(0).squeeze(0),
        ["flip_roll"] = x => x[0].flip(2, 3).roll([1L, 2L], [2L, 3L]),
        ["chunk_cat"] = x => torch.cat(x[0].chunk(2, 1).Reverse().ToArray(), 1),
        ["stack_split"] = x => torch.stack([x[0], x[1]], 1).split([1L, 1L], 1)[1],
        ["gather_scatter"] = x => x[0].gather(0, x[1]) + torch.zeros(3, 4).scatter_add(0, x[1], x[0][..2]).sum(),
        ["index"] = x => x[0][1.., TensorIndex.Tensor(torch.tensor(new long[] { 0, 2, 3 }))] + x[0][TensorIndex.None, 0, TensorIndex.Slice(step: 2)].sum() + x[0][TensorIndex.Ellipsis, ^1].sum(),
        ["index_mask"] = x => x[0][x[1]].sum() * x[0][0, 1],
        ["index_select_pad"] = x => F.pad(x[0].index_select(1, torch.tensor(new long[] { 3, 0 })), [1L, 2L, 0L, 1L], value: 0.5),
        ["pad_reflect"] = x => F.pad(x[0], (1, 1, 2, 2), PaddingModes.Reflect),
        ["tril_triu"] = x => x[0].tril(-1) + x[0].triu(2),
        ["repeat_expand"] = x => x[0].expand(3, 4) + x[0].repeat(3, 1),
        ["relu_family"] = x => F.relu(x[0]) + F.leaky_relu(x[0], 0.2) + F.elu(x[0], 0.7) + F.softplus(x[0]) + F.hardtanh(x[0], -0.4, 0.6),
        ["gelu_silu_mish"] = x => F.gelu(x[0]) + F.silu(x[0]) + F.mish(x[0]) + torch.sigmoid(x[0]),
        ["glu"] = x => F.glu(x[0], 1),
        ["softmax"] = x => F.softmax(x[0], 1) + F.log_softmax(x[0], 0),
        ["linear"] = x => F.linear(x[0], x[1][TensorIndex.Colon, TensorIndex.Colon, 0, 0].repeat(1, 2)),
        ["conv2d"] = x => F.conv2d(x[0], x[1], x[2], strides: [2, 2], padding: [1, 1]),
        ["conv2d_dilated_groups"] = x => F.conv2d(x[0], x[1][.., ..2], padding: [2, 2], dilation: [2, 2], groups: 2),
        ["conv1d"] = x => F.conv1d(x[0].flatten(2), x[1][.., .., 0], padding: 1),
        ["conv_transpose2d"] = x => F.conv_transpose2d(x[0], x[1], strides: [2, 2], padding: [1, 1], output_padding: [1, 1]),
        ["unfold_fold"] = x => F.fold(F.unfold(x[0], 3, padding: 1), (6, 5), (3, 3), padding: (1, 1)),
        ["group_norm"] = x => F.group_norm(x[0], 2, x[1], x[2], 1e-6),
        ["layer_norm"] = x => F.layer_norm(x[0], [8]),
        ["batch_norm_train"] = x => F.batch_norm(x[0], torch.zeros(4), torch.ones(4), x[1], x[2], true, 0.1, 1e-5),
        ["instance_norm"] = x => F.instance_norm(x[0]),
        ["normalize"] = x => F.normalize(x[0], dim: -1),
        ["pools"] = x => F.avg_pool2d(x[0], 2) + F.max_pool2d(x[0], 2) + F.adaptive_avg_pool2d(x[0], (3, 2)),
        ["nearest_up"] = x => F.interpolate(x[0], scale_factor: [2, 2]),
        ["bilinear"] = x => F.interpolate(x[0], [9, 4], mode: InterpolationMode.Bilinear, align_corners: false),
        ["bilinear_antialias"] = x => F.interpolate(x[0], [3, 3], mode: InterpolationMode.Bilinear, antialias: true),
        ["bicubic_corners"] = x => F.interpolate(x[0], [8, 8], mode: InterpolationMode.Bicubic, align_corners: true),
        ["grid_sample"] = x => F.grid_sample(x[0], F.affine_grid(x[1].view(1, 2, 2).repeat(2, 1, 1).matmul(torch.eye(2, 3)) * 0.3, [2, 4, 3, 3])),
        ["pixel_shuffle"] = x => F.pixel_shuffle(x[0], 2) + F.pixel_shuffle(F.pixel_unshuffle(F.pixel_shuffle(x[0], 2), 2), 2),
        ["attention"] = x => F.scaled_dot_product_attention(x[0], x[1], x[2]),
        ["attention_causal"] = x => F.scaled_dot_product_attention(x[0], x[1], x[2], is_casual: true),
        ["embedding"] = x => x[0].index_select(0, x[1].flatten()).reshape(2, 4, 4),
        ["mse_l1_huber"] = x => F.mse_loss(x[0], x[1]) + F.l1_loss(x[0], x[1]) + F.huber_loss(x[0], x[1], 0.5) + F.smooth_l1_loss(x[0], x[1], beta: 0.3),
        ["cross_entropy"] = x => F.cross_entropy(x[0], x[1], label_smoothing: 0.1),
        ["bce_logits"] = x => F.binary_cross_entropy_with_logits(x[0], x[1].clamp(0, 1)),
        ["kl_div"] = x => F.kl_div(x[0].log_softmax(1), x[1].log_softmax(1), true, nn.Reduction.Sum),
        ["fft_power"] = x => fft.fft2(x[0]).abs().pow(2),
        ["rfft_roundtrip"] = x => fft.irfft(fft.rfft(x[0], norm: FFTNormType.Ortho), 8, norm: FFTNormType.Ortho),
        ["complex_parts"] = x => (torch.complex(x[0], x[1]) * torch.complex(x[1], x[0])).imag + torch.complex(x[0], x[1]).abs() + torch.complex(x[0], x[1]).angle(),
        ["double"] = x => (x[0] * x[0]).sum() + x[0].cosh().mean(),
        ["bfloat16"] = x => x[0].bfloat16().matmul(x[1].bfloat16().t()).@float(),
        ["half"] = x => (x[0].half() * x[1].half()).@float(),
        ["inplace"] = x => x[0].clone().mul_(x[1]).add_(1).clamp_(-1, 2).pow_(2),
        ["int_arithmetic"] = x => (x[0] * 3 + 1) % 4 - torch.div(x[0], 2, RoundingMode.floor),
        ["type_promotion"] = x => x[0] + 0.5,
        ["bucketize"] = x => torch.bucketize(x[0], x[1]),
        ["unique"] = x => x[0].unique().Item1,
        ["cdist"] = x => torch.cdist(x[0], x[1]),
    };

    public static IEnumerable<object[]> Names => Golden.Names("cases");

    [Theory]
    [MemberData(nameof(Names))]
    public void Values_and_gradients(string name)
    {
        using var scope = NewDisposeScope();
        var golden = Golden.Root.GetProperty("cases").GetProperty(name);
        Assert.True(Cases.TryGetValue(name, out var f), $"no C# for the recorded case {name}");
        var inputs = golden.GetProperty("inputs").EnumerateArray().Select(p => { var t = Golden.Unpack(p); return t.is_floating_point() ? t.requires_grad_() : t; }).ToArray();
        var output = f!(inputs);
        // The values were recorded with 1.13. Libtorch 2 sums in another order: in bfloat16 that is one unit in the last place, 2^-7.
        var tolerance = name == "bfloat16" && !torch.__version__.TrimStart('v').StartsWith("1.", StringComparison.Ordinal) ? 1.0 / 128 : 1e-5;
        Golden.Same(golden.GetProperty("output"), output, name);
        if (!golden.TryGetProperty("gradients", out var gradients)) return;
        var n = output.numel();
        var cotangent = n > 1 ? torch.linspace(-1, 1, n, output.dtype).reshape(output.shape) : torch.ones_like(output);
        var leaves = inputs.Where(t => t.requires_grad).ToList();
        var actual = autograd.grad([output], leaves, [cotangent], allow_unused: true);
        for (var k = 0; k < leaves.Count; k++)
        {
            if (gradients[k].ValueKind == System.Text.Json.JsonValueKind.Null) Assert.Null(actual[k]);
            else Golden.Same(gradients[k], actual[k], $"{name}, gradient {k}", tolerance);
        }
    }

    [Fact]
    public void Embedding_module_and_its_gradient()
    {
        using var scope = NewDisposeScope();
        var golden = Golden.Root.GetProperty("cases").GetProperty("embedding");
        var table = nn.Embedding_from_pretrained(Golden.Unpack(golden.GetProperty("inputs")[0]), freeze: false);
        var output = table.call(Golden.Unpack(golden.GetProperty("inputs")[1]));
        Golden.Same(golden.GetProperty("output"), output, "embedding");
        output.backward([torch.linspace(-1, 1, output.numel()).reshape(output.shape)]);
        Golden.Same(golden.GetProperty("gradients")[0], table.weight.grad!, "embedding's gradient");
    }
}

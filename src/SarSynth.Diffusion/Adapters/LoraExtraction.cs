// A low-rank update from two sets of weights: the first singular vectors of their difference, layer by layer, which is
// the nearest matrix of that rank (Eckart and Young 1936).
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Adapters;

/// <summary>A LoRA that was taken from two models.</summary>
/// <param name="Lora">The update, on the original models; dispose it to take it off.</param>
/// <param name="Kept">Share of the squared difference of all layers' weights that it keeps, in [0, 1].</param>
/// <param name="LeftOut">Parameters that differ and that no LoRA can hold: biases, normalisations, tables.</param>
public sealed record LoraExtraction(Lora Lora, double Kept, IReadOnlyList<string> LeftOut);

public sealed partial class Lora
{
    /// <summary>The low-rank update that leads from one set of models to another.</summary>
    /// <param name="original">Models by component; they get the update.</param>
    /// <param name="tuned">The same models after a training.</param>
    /// <param name="rank">Rank of every layer, at most; null for what <paramref name="energy"/> needs.</param>
    /// <param name="energy">Share of each layer's squared difference to keep, in (0, 1]: each gets the least rank
    /// that does.
    /// Null for all that <paramref name="rank"/> can hold.</param>
    /// <param name="targets">
    /// Ends of names as in <see cref="Create"/>; null for all linear layers and convolutions.
    /// </param>
    /// <param name="progress">Told the share that is done, 0 to 1.</param>
    /// <exception cref="ArgumentException">
    /// Neither rank nor energy, other components, another shape, or models that do not differ.
    /// </exception>
    public static LoraExtraction Extract(IReadOnlyDictionary<string, nn.Module> original,
        IReadOnlyDictionary<string, nn.Module> tuned, int? rank = null, double? energy = null,
        IReadOnlyList<string>? targets = null, Action<double>? progress = null)
    {
        if (rank is null && energy is null)
            throw new ArgumentException("expected a rank, an energy, or both");
        ArgumentOutOfRangeException.ThrowIfLessThan(rank ?? 1, 1, nameof(rank));
        if (energy is <= 0 or > 1 or double.NaN)
            throw new ArgumentOutOfRangeException(nameof(energy), energy, "expected 0 < energy <= 1");
        using var noGradients = no_grad();
        var lora = new Lora();
        try
        {
            double all = 0, kept = 0;
            var left = new List<string>();
            var layers = original.SelectMany(c => Pairs(c.Key, c.Value, Of(tuned, c.Key), targets, left)).ToList();
            foreach (var (index, (component, path, layer, other)) in layers.Index())
            {
                using var scope = NewDisposeScope();
                var weight = Weight(layer);
                var difference = (Weight(other).to(ScalarType.Float64) - weight.to(ScalarType.Float64)).flatten(1);
                double size = difference.Squared().sum().ToDouble();
                progress?.Invoke((index + 1.0) / layers.Count);
                if (size == 0)
                    continue;
                var (up, down, part) = Nearest(difference, rank, energy);
                all += size;
                kept += part * size;
                long[] shape = weight.shape, ones = [.. shape[2..].Select(_ => 1L)];
                Parameter Own(Tensor value, long[] form)
                {
                    var own = value.to(ScalarType.Float32).reshape(form).contiguous();
                    return (Parameter)new Parameter(own, requires_grad: false).DetachFromDisposeScope();
                }
                lora.Attach(component, path, layer, new LoraLayer(
                    Own(down, [-1, .. shape[1..]]), Own(up, [shape[0], down.shape[0], .. ones]), 1));
            }
            if (all == 0)
                throw new ArgumentException("the weights of the two do not differ", nameof(tuned));
            return new LoraExtraction(lora, kept / all, left);
        }
        catch
        {
            lora.Dispose();
            throw;
        }
    }

    /// <summary>B A of the least rank that keeps enough; the root of each singular value goes to either side.</summary>
    private static (Tensor Up, Tensor Down, double Kept) Nearest(Tensor difference, int? rank, double? energy)
    {
        // Singular vectors of the shorter side are eigenvectors of a small matrix:
        // in float64 good to 1e-8 of the largest.
        bool wide = difference.shape[0] <= difference.shape[1];
        var matrix = wide ? difference : difference.t();
        var (values, vectors) = linalg.eigh(matrix.mm(matrix.t()));
        var powers = values.data<double>().ToArray().Reverse().Select(v => Math.Max(0, v)).ToArray();
        double total = powers.Sum(), sum = 0;
        int needed = 0;
        while (needed < powers.Length && needed < (rank ?? int.MaxValue)
            && sum < (energy ?? 1) * total && powers[needed] > 1e-15 * total)
            sum += powers[needed++];
        var basis = vectors.narrow(1, vectors.shape[1] - needed, needed).flip(1);
        var roots = tensor(powers[..needed].Select(p => Math.Pow(p, 0.25)).ToArray(), device: difference.device);
        Tensor left = basis * roots, right = basis.t().mm(matrix) / roots.unsqueeze(1);
        return wide ? (left, right, sum / total) : (right.t(), left.t(), sum / total);
    }

    private static nn.Module Of(IReadOnlyDictionary<string, nn.Module> tuned, string component) =>
        tuned.GetValueOrDefault(component)
        ?? throw new ArgumentException($"'{component}' is not among the tuned models", nameof(tuned));

    private static IEnumerable<(string, string, nn.Module<Tensor, Tensor>, nn.Module)> Pairs(string component,
        nn.Module original, nn.Module tuned, IReadOnlyList<string>? targets, List<string> left)
    {
        var others = tuned.named_modules().ToDictionary(m => m.Item1, m => m.Item2, StringComparer.Ordinal);
        var held = new HashSet<string>(StringComparer.Ordinal);
        var pairs = new List<(string, string, nn.Module<Tensor, Tensor>, nn.Module)>();
        foreach (var (path, layer) in original.named_modules())
        {
            if (layer is not (Linear or Conv2d)
                || targets?.Any(t => path == t || path.EndsWith("." + t, StringComparison.Ordinal)) == false)
                continue;
            if (!others.TryGetValue(path, out var other) || other is not (Linear or Conv2d)
                || !Weight(other).shape.AsSpan().SequenceEqual(Weight(layer).shape))
            {
                var found = other is Linear or Conv2d ? $"[{string.Join(", ", Weight(other).shape)}]" : "none";
                throw new ArgumentException($"{component}.{path} is [{string.Join(", ", Weight(layer).shape)}];"
                    + $" the tuned model has {found}", nameof(tuned));
            }
            held.Add(path + ".weight");
            pairs.Add((component, path, (nn.Module<Tensor, Tensor>)layer, other));
        }
        var values = tuned.named_parameters().ToDictionary(p => p.Item1, p => p.Item2, StringComparer.Ordinal);
        foreach (var (name, value) in original.named_parameters().Where(p => !held.Contains(p.Item1)))
        {
            using var scope = NewDisposeScope();
            if (values.TryGetValue(name, out var other) && (!other.shape.AsSpan().SequenceEqual(value.shape)
                || other.ne(value.to(other.dtype)).any().to(ScalarType.Int64).ToInt64() != 0))
                left.Add($"{component}.{name}");
        }
        return pairs;
    }
}

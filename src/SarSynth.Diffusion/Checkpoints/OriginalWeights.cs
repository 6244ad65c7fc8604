// One model's part of an original checkpoint, under the names that the model has here.
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Checkpoints;

/// <summary>Named tensors that a module can be filled from.</summary>
internal interface IWeightSource
{
    /// <summary>Named in errors.</summary>
    string Source { get; }

    /// <summary>The names of all tensors.</summary>
    IReadOnlyCollection<string> Names { get; }

    /// <summary>Shape and type of a tensor.</summary>
    TensorEntry this[string name] { get; }

    /// <summary>Reads a tensor into memory of its own.</summary>
    Tensor Read(string name, ScalarType? dtype = null, Device? device = null);

    /// <summary>A tensor whose memory is the file itself, or null where that cannot be.</summary>
    Tensor? TryMap(string name);
}

/// <summary>
/// The tensors of a checkpoint that lie below a prefix, by the names of the module that they are for.
/// </summary>
internal sealed class OriginalWeights : IWeightSource
{
    private readonly WeightFiles files;
    private readonly Dictionary<string, OriginalTensor> sources = new(StringComparer.Ordinal);

    /// <param name="files">The checkpoint.</param>
    /// <param name="prefix">What stands before the keys of this model.</param>
    /// <param name="names">The module's parameters.</param>
    /// <param name="original">Where each lies, without the prefix.</param>
    /// <param name="ignored">Keys, without the prefix, that are no weights of this model.</param>
    public OriginalWeights(WeightFiles files, string prefix, IEnumerable<string> names,
        Func<string, OriginalTensor?> original, Func<string, bool> ignored)
    {
        this.files = files;
        var used = new HashSet<string>(StringComparer.Ordinal);
        foreach (var name in names)
            if (original(name) is { } tensor && files.Contains(prefix + tensor.Key))
            {
                sources.Add(name, tensor with { Key = prefix + tensor.Key });
                used.Add(prefix + tensor.Key);
            }
        // What nothing asks for is unexpected, under its own name.
        foreach (var key in files.Names.Where(k => k.StartsWith(prefix, StringComparison.Ordinal) && !used.Contains(k)))
            if (!ignored(key[prefix.Length..]))
                sources.TryAdd(key, new OriginalTensor(key));
    }

    /// <inheritdoc/>
    public string Source => files.Source;

    /// <inheritdoc/>
    public IReadOnlyCollection<string> Names => sources.Keys;

    /// <inheritdoc/>
    public TensorEntry this[string name]
    {
        get
        {
            var (at, entry) = (sources[name], files[sources[name].Key]);
            long[] shape = [.. entry.Shape];
            if (at.Transposed)
                Array.Reverse(shape);
            if (at.Parts > 1 && shape[0] % at.Parts == 0)
                shape[0] /= at.Parts;
            return entry with { Shape = shape };
        }
    }

    /// <inheritdoc/>
    public Tensor Read(string name, ScalarType? dtype = null, Device? device = null)
    {
        using var scope = NewDisposeScope();
        var at = sources[name];
        var whole = files.Read(at.Key, dtype, device);
        return (at is { Parts: 1, Transposed: false } ? whole : Cut(whole, at).clone()).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public Tensor? TryMap(string name)
    {
        var at = sources[name];
        if (at.Transposed || files.TryMap(at.Key) is not { } whole)
            return null;
        if (at.Parts == 1)
            return whole;
        using (whole)
            return Cut(whole, at);
    }

    private static Tensor Cut(Tensor whole, OriginalTensor at)
    {
        if (at.Transposed)
            return whole.t().contiguous();
        long rows = whole.shape[0] / at.Parts;
        return whole.narrow(0, at.Part * rows, rows);
    }
}

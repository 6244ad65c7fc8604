// Latents and text embeddings kept on disk between steps and runs: what frozen networks make of the same input is the
// same. A file's name is the hash of what it was made of, so that nothing stale can be read.
using System.Security.Cryptography;
using System.Text;
using SarSynth.Diffusion.Checkpoints;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Data;

/// <summary>
/// Results of frozen networks: FOLDER/NETWORKS/ab/INPUT.safetensors, where both names are SHA-256. Several runs may
/// share a folder at the same time.
/// </summary>
public sealed class LatentCache
{
    private const string ValueName = "value", OtherName = "pooled", Checksum = "sha256";

    private readonly string folder;
    private readonly Action<string> warn;
    private bool full;

    /// <param name="folder">Made where it is missing.</param>
    /// <param name="networks">What makes the results, from <see cref="HashOf"/>.</param>
    /// <param name="warn">Told of files that are damaged, and of a disk that takes no more.</param>
    public LatentCache(string folder, string networks, Action<string> warn) =>
        (this.folder, this.warn) = (Path.Combine(folder, networks), warn);

    /// <summary>Results that were read.</summary>
    public long Read { get; private set; }

    /// <summary>Results that were made, the damaged among them.</summary>
    public long Made { get; private set; }

    /// <summary>What tells networks apart: names, types, shapes and bytes of their weights.</summary>
    /// <param name="weights">Weights by name, in an order that does not change.</param>
    /// <returns>64 hexadecimal digits.</returns>
    public static string HashOf(IEnumerable<KeyValuePair<string, Tensor>> weights)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var (name, weight) in weights)
            Append(hash, name, weight);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>The name of an input.</summary>
    /// <param name="what">What tells it beside its values: shape, use.</param>
    /// <param name="values">Its values, as the networks get them: after normalisation and cut.</param>
    /// <returns>64 hexadecimal digits.</returns>
    public static string KeyOf(string what, ReadOnlySpan<byte> values)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes(what + "\n"));
        hash.AppendData(values);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>A result: read, or made and written.</summary>
    /// <param name="key">From <see cref="KeyOf"/>.</param>
    /// <param name="make">Makes it: a tensor, and a second one where there is such.</param>
    /// <returns>On the CPU; the receiver disposes them.</returns>
    public (Tensor Value, Tensor? Other) Of(string key, Func<(Tensor Value, Tensor? Other)> make)
    {
        var path = Path.Combine(folder, key[..2], key + ".safetensors");
        if (TryRead(path) is { } known)
        {
            Read++;
            return known;
        }
        using var scope = NewDisposeScope();
        var (value, other) = make();
        value = value.detach().cpu().contiguous();
        other = other?.detach().cpu().contiguous();
        Made++;
        Write(path, value, other);
        return (value.MoveToOuterDisposeScope(), other?.MoveToOuterDisposeScope());
    }

    private (Tensor Value, Tensor? Other)? TryRead(string path)
    {
        if (!File.Exists(path))
            return null;
        try
        {
            using var scope = NewDisposeScope();
            using var file = SafeTensorsFile.Open(path);
            var value = file.Read(ValueName);
            var other = file.Contains(OtherName) ? file.Read(OtherName) : null;
            if (file.Header.Metadata.GetValueOrDefault(Checksum) is not { } told || told != SumOf(value, other))
                throw new CheckpointException(path, "its checksum is not that of its tensors");
            return (value.MoveToOuterDisposeScope(), other?.MoveToOuterDisposeScope());
        }
        catch (CheckpointException damaged)
        {
            warn($"{damaged.Message.TrimEnd('.')}; it is made anew");
            return null;
        }
    }

    // What cannot be kept is made again: no reason to end a training.
    private void Write(string path, Tensor value, Tensor? other)
    {
        if (full)
            return;
        var tensors = new Dictionary<string, Tensor> { [ValueName] = value };
        if (other is not null)
            tensors[OtherName] = other;
        try
        {
            SafeTensors.Save(path, tensors, new Dictionary<string, string> { [Checksum] = SumOf(value, other) });
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            full = true;
            warn($"{error.Message.TrimEnd('.')}; no further results are kept in this run");
        }
    }

    private static string SumOf(Tensor value, Tensor? other)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Append(hash, ValueName, value);
        if (other is not null)
            Append(hash, OtherName, other);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static void Append(IncrementalHash hash, string name, Tensor tensor)
    {
        using var scope = NewDisposeScope();
        var plain = tensor.detach().cpu().contiguous();
        hash.AppendData(Encoding.UTF8.GetBytes($"{name} {plain.dtype} {string.Join(' ', plain.shape)}\n"));
        if (plain.numel() > 0)
            hash.AppendData(plain.view(-1).bytes);
    }
}

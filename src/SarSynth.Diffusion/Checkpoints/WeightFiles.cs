// The weights of one model as one set of named tensors, whether they lie in one safetensors file
// or in several with an index.
using System.Text.Json;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Checkpoints;

/// <summary>The open weight files of one model. No tensor is read until it is asked for.</summary>
public sealed class WeightFiles : IWeightSource, IDisposable
{
    private readonly Dictionary<string, SafeTensorsFile> byName = new(StringComparer.Ordinal);
    private readonly List<SafeTensorsFile> files = [];
    private readonly Dictionary<SafeTensorsFile, Dictionary<ScalarType, Tensor>> mappings = [];

    private WeightFiles(string source) => Source = source;

    /// <summary>The file, index or folder that was opened.</summary>
    public string Source { get; }

    /// <summary>The safetensors files that hold the tensors.</summary>
    public IReadOnlyList<string> Files => [.. files.Select(file => file.FilePath)];

    /// <summary>The names of all tensors.</summary>
    public IReadOnlyCollection<string> Names => byName.Keys;

    /// <summary>Opens a safetensors file, an index (<c>*.safetensors.index.json</c>), or a model's folder.</summary>
    /// <param name="path">File or folder.</param>
    /// <param name="variant">
    /// In a folder: the variant wanted, such as <c>fp16</c>; the plain file where there is no such variant.
    /// </param>
    /// <exception cref="CheckpointException">Nothing usable is there, or a file is broken.</exception>
    public static WeightFiles Open(string path, string? variant = null)
    {
        if (Directory.Exists(path))
            path = FindIn(path, variant);
        var weights = new WeightFiles(path);
        try
        {
            if (path.EndsWith(".json", StringComparison.Ordinal))
                weights.AddIndex(path);
            else
                weights.Add(SafeTensorsFile.Open(path));
            return weights;
        }
        catch
        {
            weights.Dispose();
            throw;
        }
    }

    /// <summary>Whether a tensor of this name is there.</summary>
    public bool Contains(string name) => byName.ContainsKey(name);

    /// <summary>Where a tensor lies.</summary>
    /// <exception cref="CheckpointException">There is no such tensor.</exception>
    public TensorEntry this[string name] => FileOf(name)[name];

    /// <inheritdoc cref="SafeTensorsFile.Read"/>
    public Tensor Read(string name, ScalarType? dtype = null, Device? device = null) =>
        FileOf(name).Read(name, dtype, device);

    /// <inheritdoc cref="SafeTensorsFile.CopyTo(string, Tensor)"/>
    public void CopyTo(string name, Tensor target) => FileOf(name).CopyTo(name, target);

    /// <summary>
    /// A tensor whose memory is the file itself, or null where that cannot be; see <see
    /// cref="SafeTensorsFile.TryMap"/>.
    /// </summary>
    /// <exception cref="CheckpointException">There is no such tensor.</exception>
    public Tensor? TryMap(string name)
    {
        var file = FileOf(name);
        if (!mappings.TryGetValue(file, out var whole))
            mappings.Add(file, whole = []);
        return file.TryMap(name, whole);
    }

    /// <summary>Closes the files. Tensors that were read or mapped stay valid.</summary>
    public void Dispose()
    {
        foreach (var tensor in mappings.Values.SelectMany(m => m.Values))
            tensor.Dispose();
        mappings.Clear();
        foreach (var file in files)
            file.Dispose();
    }

    private SafeTensorsFile FileOf(string name) =>
        byName.TryGetValue(name, out var file) ? file
            : throw new CheckpointException(Source, $"there is no tensor '{name}' among its {byName.Count}");

    private static string FindIn(string folder, string? variant)
    {
        foreach (var dotted in variant is null ? [""] : new[] { $".{variant}", "" })
        {
            foreach (var name in new[] { "diffusion_pytorch_model", "model" })
            {
                var single = Path.Combine(folder, $"{name}{dotted}.safetensors");
                if (File.Exists(single))
                    return single;
                foreach (var index in new[] { $"{name}.safetensors.index{dotted}.json",
                    $"{name}{dotted}.safetensors.index.json" })
                {
                    if (File.Exists(Path.Combine(folder, index)))
                        return Path.Combine(folder, index);
                }
            }
        }
        var plain = Path.Combine(folder, "weights.safetensors");
        if (File.Exists(plain))
            return plain;
        var pickle = Directory.EnumerateFiles(folder)
            .Where(f => Path.GetExtension(f) is ".bin" or ".ckpt" or ".pt" or ".pth").Order().FirstOrDefault();
        if (pickle != null)
            throw SafeTensorsFile.Pickle(pickle);
        var variants = Directory.EnumerateFiles(folder, "*.safetensors").Select(Path.GetFileName).Order().ToList();
        throw new CheckpointException(folder,
            "expected diffusion_pytorch_model.safetensors or model.safetensors, found "
            + (variants.Count == 0 ? "no .safetensors file" : string.Join(", ", variants)));
    }

    private void AddIndex(string path)
    {
        var shards = new Dictionary<string, List<string>>(StringComparer.Ordinal);
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(path));
            foreach (var entry in json.RootElement.GetProperty("weight_map").EnumerateObject())
            {
                var file = entry.Value.GetString()!;
                if (Path.GetFileName(file) != file || file.Length == 0)
                    throw new CheckpointException(path,
                        $"tensor '{entry.Name}' is said to lie in '{file}', expected a file name without folders");
                if (!shards.TryGetValue(file, out var names))
                    shards.Add(file, names = []);
                names.Add(entry.Name);
            }
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new CheckpointException(path, $"expected an index with 'weight_map': {e.Message.Split('\n')[0]}", e);
        }
        foreach (var (file, names) in shards.OrderBy(s => s.Key, StringComparer.Ordinal))
        {
            var shard = Add(SafeTensorsFile.Open(Path.Combine(Path.GetDirectoryName(Path.GetFullPath(path))!, file)));
            foreach (var name in names.Where(name => !shard.Contains(name)))
                throw new CheckpointException(path,
                    $"tensor '{name}' is said to lie in '{file}', which does not hold it");
        }
    }

    private SafeTensorsFile Add(SafeTensorsFile file)
    {
        files.Add(file);
        foreach (var entry in file.Header.Entries)
        {
            if (!byName.TryAdd(entry.Name, file))
                throw new CheckpointException(file.FilePath,
                    $"tensor '{entry.Name}' is also in {byName[entry.Name].FilePath}");
        }
        return file;
    }
}

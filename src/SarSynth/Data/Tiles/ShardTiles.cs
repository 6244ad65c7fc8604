// WebDataset shards in the layout of SARLO-80 and SARLAND: local files or addresses, streamed through a shuffle buffer.
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using SarSynth.Radar.Images;

namespace SarSynth.Data;

/// <summary>Tiles of shards.</summary>
internal sealed class ShardTiles : ITileSource
{
    // What a picture of a sample is called; SARLO-80's names first, then those of plain image sets.
    private static readonly string[] pictures = ["sar.png", "png", "tif", "tiff", "jpg", "jpeg"];
    private static readonly string[] arrays = ["sar.npy", "npy"];
    private static readonly string[] texts = ["meta.json", "json", "txt"];
    private static readonly string[] usualConditions = ["landcover", "satellite", "simulated", "classes"];

    private readonly TileOptions options;
    private readonly IReadOnlyList<string> shards;
    private readonly string? root;
    private readonly string data;

    public ShardTiles(string path, IReadOnlyList<string> shards, TileOptions options)
    {
        (Path, this.options) = (path, options);
        root = Directory.Exists(path) ? System.IO.Path.GetFullPath(path) : null;
        this.shards = [.. shards.Where(shard => options.Split is null || (ShardList.SplitOf(shard, root)
            ?? Split.Train) == options.Split)];
        if (this.shards.Count == 0)
            throw new TileException(path, "",
                $"found {shards.Count} shards, none of the part "
                + $"'{options.Split!.Value.ToString().ToLowerInvariant()}'");
        foreach (var shard in this.shards)
        {
            if (!ShardList.IsAddress(shard) && !File.Exists(shard))
                throw new FileNotFoundException($"{shard}: no such shard, though {path} names it.", shard);
        }
        var names = this.shards.Select(s => root is null || ShardList.IsAddress(s) ? s
            : System.IO.Path.GetRelativePath(root, s));
        data = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', names))))[..16];
    }

    public string Path { get; }

    public long? Count => null;

    public IEnumerable<TileStep> Sequence(TileOrder order, TilePosition? from = null)
    {
        order.Check();
        Tiles.RequireSame(data, from);
        if (shards.Count < order.Ranks)
            throw new ArgumentException(
                $"{Path}: found {shards.Count} shards for {order.Ranks} ranks, expected one for each or more.");
        if (from is not null && from.Ranks != order.Ranks)
            throw new ArgumentException(
                $"position: found one of {from.Ranks} ranks, expected {order.Ranks}: shards are dealt out to ranks by "
                + "the epoch, so a run goes on with as many as it began with.");
        return Steps(order, from ?? new TilePosition { Data = data, Ranks = order.Ranks });
    }

    // A draw depends on the seed and on how many were taken before, so that a position is all that there is to know.
    private IEnumerable<TileStep> Steps(TileOrder order, TilePosition from)
    {
        var buffer = from.Buffer.Select(reference => (Reference: reference, Sample: (ShardSample?)null)).ToList();
        var size = order.IsShuffled ? order.Buffer : 1;
        using var stream = Stream(order, from).GetEnumerator();
        var (epoch, shard, offset) = (from.Epoch, from.Shard, from.Offset);
        for (var taken = from.Taken; ; taken++)
        {
            while (buffer.Count < size)
            {
                if (!stream.MoveNext())
                    throw new TileException(Path, "", "found no sample in a whole epoch of shards, expected one");
                (epoch, shard, offset) = (stream.Current.Epoch, stream.Current.Shard, stream.Current.After);
                buffer.Add((stream.Current.Reference, stream.Current.Sample));
            }
            var random = new SplitMix(order.Seed, (ulong)order.Rank, (ulong)taken, 0x6472_6177);
            var (reference, sample) = Take(buffer, order.IsShuffled ? random.Next(buffer.Count) : 0);
            var after = new TilePosition
            {
                Taken = taken + 1, Epoch = epoch, Shard = shard, Offset = offset, Ranks = order.Ranks, Data = data,
                Buffer = [.. buffer.Select(waiting => waiting.Reference)],
            };
            yield return new TileStep(reference, after, () => sample is null ? Load(reference)
                : Decode(sample, shards[reference.Part]));
        }
    }

    private static (TileReference, ShardSample?) Take(List<(TileReference, ShardSample?)> buffer, int place)
    {
        var taken = buffer[place];
        buffer[place] = buffer[^1];
        buffer.RemoveAt(buffer.Count - 1);
        return taken;
    }

    /// <summary>
    /// The samples of this rank's shards, epoch after epoch; of an address with their bytes, of a file without.
    /// </summary>
    private IEnumerable<(long Epoch, int Shard, long After, TileReference Reference,
        ShardSample? Sample)> Stream(TileOrder order, TilePosition from)
    {
        var (shard, offset) = (from.Shard, from.Offset);
        for (var epoch = from.Epoch; ; epoch++)
        {
            var places = Tiles.Permutation(shards.Count, order, epoch);
            var any = offset > 0 || shard > 0;
            for (; order.Rank + shard * order.Ranks < places.Length; shard++, offset = 0)
            {
                var part = places[order.Rank + shard * order.Ranks];
                var isRemote = ShardList.IsAddress(shards[part]);
                using var stream = Open(part, offset, null);
                foreach (var sample in ShardReader.Samples(stream, shards[part], offset, null, isRemote ? Wanted : _ =>
                    0))
                {
                    any = true;
                    yield return (epoch, shard, sample.Offset + sample.Length,
                        new TileReference(part, sample.Offset, sample.Length), isRemote ? sample : null);
                }
            }
            if (!any)
                yield break;
            (shard, offset) = (0, 0);
        }
    }

    public Tile Load(TileReference reference)
    {
        var shard = shards[reference.Part];
        using var stream = Open(reference.Part, reference.Offset, reference.Offset + reference.Length);
        var sample = ShardReader.Samples(stream, shard, reference.Offset, reference.Offset + reference.Length, Wanted)
            .First();
        return Decode(sample, shard);
    }

    public TileCheck Check(Action<double>? progress = null, CancellationToken cancel = default)
    {
        var check = new TileChecker();
        for (var part = 0; part < shards.Count; part++)
        {
            cancel.ThrowIfCancellationRequested();
            var (shard, isRemote) = (shards[part], ShardList.IsAddress(shards[part]));
            var number = part;
            check.Try(() =>
            {
                using var stream = Open(number, 0, null);
                var samples = 0;
                // Texts are read, of images the header; of what lies far away, one sample.
                foreach (var sample in ShardReader.Samples(stream, shard, 0, null, member => IsText(member)
                    ? long.MaxValue : NumpyArray.HeaderBytes))
                {
                    cancel.ThrowIfCancellationRequested();
                    samples++;
                    check.Try(() => CheckSample(sample, shard, check));
                    if (isRemote)
                        break;
                }
                if (samples == 0)
                    throw new TileException(shard, "", "found no sample, expected one or more");
            });
            progress?.Invoke((part + 1.0) / shards.Count);
        }
        return check.Result;
    }

    public void Dispose()
    {
    }

    private void CheckSample(ShardSample sample, string shard, TileChecker check)
    {
        var member = ImageMember(sample, shard);
        var captions = Captions(sample, shard);
        if (options.RequireCaptions && captions.Count == 0)
            throw NoCaption(sample, shard);
        foreach (var name in options.Conditions ?? [])
            _ = ConditionMember(sample, name) ?? throw NoCondition(sample, shard, name);
        var size = Measure(shard, sample, member);
        foreach (var name in options.Conditions ?? usualConditions)
        {
            if (size is { } found && ConditionMember(sample, name) is { } other && Measure(shard, sample,
                other) is { } condition)
                TileChecker.RequireFit(shard, sample.Key, name, found, condition);
        }
        check.Add(size ?? default, captions.Count > 0);
    }

    private static (int, int)? Measure(string shard, ShardSample sample, string member)
    {
        var (length, bytes) = sample.Members[member];
        try
        {
            return TileImages.Measure(bytes, [], length, member);
        }
        catch (FormatException error)
        {
            throw new TileException(shard, sample.Key, $"{member}: {error.Message}", error);
        }
    }

    private Tile Decode(ShardSample sample, string shard)
    {
        var member = ImageMember(sample, shard);
        var (image, isPicture) = TileImages.Read(sample.Members[member].Bytes, member, shard, sample.Key);
        var captions = Captions(sample, shard);
        if (options.RequireCaptions && captions.Count == 0)
            throw NoCaption(sample, shard);
        var facts = Facts(sample, shard);
        return new Tile
        {
            Key = sample.Key, Source = shard, IsNormalised = isPicture, Split = ShardList.SplitOf(shard, root),
                Captions = captions,
            Image = image is ComplexImage complex
                ? new ComplexImage(complex.Rows, complex.Columns, complex.Pixels, facts)
                : new AmplitudeImage(image.Rows, image.Columns, image.ToAmplitude().Pixels, facts),
            Conditions = [.. (options.Conditions ?? usualConditions).Select(name => Condition(sample, shard, name,
                image)).OfType<TileCondition>()],
        };
    }

    private TileCondition? Condition(ShardSample sample, string shard, string name, SarImage tile)
    {
        if (ConditionMember(sample, name) is not { } member)
            return options.Conditions is null ? null : throw NoCondition(sample, shard, name);
        var bytes = sample.Members[member].Bytes;
        TileCondition condition;
        try
        {
            if (member.EndsWith(".npy", StringComparison.Ordinal) && options.ClassMaps.Contains(name))
                condition = TileImages.Classes(NumpyArray.Parse(bytes), name);
            else
            {
                var (image, isPicture) = TileImages.Read(bytes, member, shard, sample.Key);
                condition = new TileCondition(
                    name, ConditionKind.Amplitude, image.Rows, image.Columns, image.ToAmplitude().Pixels, isPicture);
            }
        }
        catch (FormatException error)
        {
            throw new TileException(shard, sample.Key, $"{member}: {error.Message}", error);
        }
        TileChecker.RequireFit(shard, sample.Key, name, (tile.Rows, tile.Columns), (condition.Rows, condition.Columns));
        return condition;
    }

    // Class maps come as arrays: their pictures are coloured for the eye.
    private string? ConditionMember(ShardSample sample, string name) => Array.Find(
        options.ClassMaps.Contains(name) ? [$"{name}.npy"] : (string[])[$"{name}.npy", $"{name}.png", $"{name}.tif"],
            sample.Members.ContainsKey);

    private string ImageMember(ShardSample sample, string shard) =>
        (options.Complex ? arrays : pictures).FirstOrDefault(sample.Members.ContainsKey)
        ?? throw new TileException(shard, sample.Key,
            $"found members {string.Join(", ", sample.Members.Keys.Order(StringComparer.Ordinal))}, "
            + $"expected {(options.Complex ? arrays[0] : $"{pictures[0]} (complex samples are read when asked for)")}");

    private static bool IsText(string member) => texts.Contains(member);

    private long Wanted(string member) =>
        IsText(member) || (options.Complex ? arrays : pictures).Contains(member)
        || (options.Conditions ?? usualConditions).Any(name => member.StartsWith(name + ".", StringComparison.Ordinal))
            ? long.MaxValue : 0;

    private static IReadOnlyList<KeyValuePair<string, string>> Captions(ShardSample sample, string shard)
    {
        if (Meta(sample, shard) is { } meta)
        {
            if (meta["caption"] is JsonObject several)
                return [.. several.Where(c => c.Value is JsonValue v && v.TryGetValue<string>(out var text)
                    && text.Length > 0)
                    .Select(c => KeyValuePair.Create(c.Key, (string)c.Value!))];
            if (meta["caption"] is JsonValue one && one.TryGetValue<string>(out var caption) && caption.Length > 0)
                return [KeyValuePair.Create("text", caption)];
        }
        return sample.Members.TryGetValue("txt", out var plainText) && Encoding.UTF8.GetString(plainText.Bytes)
            .Trim() is { Length: > 0 } plain
            ? [KeyValuePair.Create("text", plain)] : [];
    }

    private static SarMetadata? Facts(ShardSample sample, string shard) => Meta(sample, shard) is { } meta
        ? new SarMetadata { AzimuthSpacing = Number(meta["spacing_eff_az"]),
            RangeSpacing = Number(meta["spacing_eff_rg"]), SlantRange = meta.ContainsKey("spacing_eff_rg") ? true
            : null }
        : null;

    private static double? Number(JsonNode? node) => node is JsonValue value
        && value.TryGetValue<double>(out var number) && number > 0 ? number : null;

    private static JsonObject? Meta(ShardSample sample, string shard)
    {
        if (Array.Find(texts[..2], sample.Members.ContainsKey) is not { } member)
            return null;
        try
        {
            return JsonNode.Parse(sample.Members[member].Bytes) as JsonObject
                ?? throw new TileException(shard, sample.Key, $"{member}: found no JSON object, expected one");
        }
        catch (JsonException error)
        {
            throw new TileException(shard, sample.Key, $"{member}: found no JSON: {error.Message}", error);
        }
    }

    private static TileException NoCaption(ShardSample sample, string shard) => new(shard, sample.Key,
        $"found no caption, expected 'caption' in {texts[0]} or a member {texts[2]} "
        + $"(members: {string.Join(", ", sample.Members.Keys.Order(StringComparer.Ordinal))})");

    private static TileException NoCondition(ShardSample sample, string shard, string name) => new(shard, sample.Key,
        $"found members {string.Join(", ", sample.Members.Keys.Order(StringComparer.Ordinal))}, "
        + $"expected a condition {name}.npy");

    private Stream Open(int part, long from, long? to)
    {
        if (ShardList.IsAddress(shards[part]))
            return new ShardDownload(shards[part], from, to);
        try
        {
            return new FileStream(shards[part], FileMode.Open, FileAccess.Read,
                FileShare.ReadWrite) { Position = from };
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new TileException(shards[part], "", error.Message, error);
        }
    }
}

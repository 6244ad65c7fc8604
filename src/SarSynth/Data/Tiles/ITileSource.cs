// Data of one's own, whatever its layout: tiles in an order that a seed tells, from a position that a checkpoint holds.
namespace SarSynth.Data;

/// <summary>What is read of the data.</summary>
public sealed record TileOptions
{
    /// <summary>Which part; null takes all.</summary>
    public Split? Split { get; init; }

    /// <summary>Whether a tile without a caption is an error; false leaves it without.</summary>
    public bool RequireCaptions { get; init; } = true;

    /// <summary>Column of the captions in metadata.jsonl or a CSV.</summary>
    public string CaptionColumn { get; init; } = "text";

    /// <summary>
    /// Conditions that every tile must have, by name; null takes those that the data has, none where it is empty.
    /// </summary>
    public IReadOnlyList<string>? Conditions { get; init; }

    /// <summary>Conditions whose numbers are codes of classes.</summary>
    public IReadOnlyList<string> ClassMaps { get; init; } = ["landcover", "classes", "segmentation"];

    /// <summary>
    /// Whether shards give their complex samples (KEY.sar.npy) instead of their pictures (KEY.sar.png).
    /// </summary>
    public bool Complex { get; init; }

    /// <summary>Side of the tiles that paired scenes are cut to, airborne pixels; 0 takes them whole.</summary>
    public int Size { get; init; }
}

/// <summary>In which order tiles come, and which of them come to this rank.</summary>
public sealed record TileOrder
{
    /// <summary>Seed of the order; the order of every epoch follows from it.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Whether the order is random; false keeps the data's own, for validation.</summary>
    public bool IsShuffled { get; init; } = true;

    /// <summary>
    /// Samples of shards among which the next one is drawn; folders are always shuffled as a whole. Those of a file
    /// wait on the disk, those of an address in memory: 1 to 3 MB each of SARLO-80, 8 MB more with complex samples.
    /// </summary>
    public int Buffer { get; init; } = 500;

    /// <summary>This rank, from 0.</summary>
    public int Rank { get; init; }

    /// <summary>How many ranks share the data, at least 1.</summary>
    public int Ranks { get; init; } = 1;

    /// <summary>Refuses what cannot be.</summary>
    /// <exception cref="ArgumentException">A rank outside the ranks, or a buffer of less than one tile.</exception>
    internal void Check()
    {
        if (Ranks < 1 || Rank < 0 || Rank >= Ranks)
            throw new ArgumentException($"rank: found {Rank} of {Ranks}, expected 0 to {Math.Max(0, Ranks - 1)}.");
        if (Buffer < 1)
            throw new ArgumentException($"buffer: found {Buffer}, expected 1 tile or more.");
    }
}

/// <summary>Which tile of a source: enough to read it again.</summary>
/// <param name="Part">Number of the shard in the source's list; 0 where there are no shards.</param>
/// <param name="Offset">First byte in the shard, or the tile's number.</param>
/// <param name="Length">Bytes in the shard; 0 where there are no shards.</param>
public readonly record struct TileReference(int Part, long Offset, long Length = 0);

/// <summary>
/// How far a sequence has come: a small record for a checkpoint. From it the sequence goes on as if never stopped.
/// </summary>
public sealed record TilePosition
{
    /// <summary>
    /// Tiles that were taken since the beginning: of all ranks together, or, of shards, of this rank.
    /// </summary>
    public long Taken { get; init; }

    /// <summary>Of shards: the epoch, from 0.</summary>
    public long Epoch { get; init; }

    /// <summary>Of shards: which of this rank's shards of the epoch is read next, from 0.</summary>
    public int Shard { get; init; }

    /// <summary>Of shards: the byte in it where reading goes on.</summary>
    public long Offset { get; init; }

    /// <summary>Of shards: what waits in the shuffle buffer, in its order.</summary>
    public IReadOnlyList<TileReference> Buffer { get; init; } = [];

    /// <summary>Of shards: how many ranks shared them.</summary>
    public int Ranks { get; init; } = 1;

    /// <summary>What tells this data from other data; a position goes with one data set only.</summary>
    public string Data { get; init; } = "";
}

/// <summary>A tile whose turn it is.</summary>
/// <param name="Reference">Which one.</param>
/// <param name="After">Where the sequence stands when it has been taken.</param>
/// <param name="Load">Reads it; may run on any thread.</param>
public sealed record TileStep(TileReference Reference, TilePosition After, Func<Tile> Load);

/// <summary>What a quick look over all the data found.</summary>
/// <param name="Tiles">Tiles that were found.</param>
/// <param name="Captioned">Tiles with a caption.</param>
/// <param name="Sizes">How many tiles have which size ("1024 x 1024").</param>
/// <param name="Problems">
/// What is wrong, a sentence each, with file, tile, found and expected; the first hundred.
/// </param>
public sealed record TileCheck(
    long Tiles, long Captioned, IReadOnlyDictionary<string, long> Sizes, IReadOnlyList<string> Problems)
{
    /// <summary>Goes on only when nothing is wrong.</summary>
    /// <exception cref="InvalidDataException">
    /// Something is: the message tells the first, and how many there are.
    /// </exception>
    public TileCheck Require() => Problems.Count == 0 ? this : throw new InvalidDataException(
        Problems[0] + (Problems.Count > 1 ? $" And {Problems.Count - 1} more." : ""));
}

/// <summary>Tiles to learn from. Safe for several threads.</summary>
public interface ITileSource : IDisposable
{
    /// <summary>The folder or list that it reads.</summary>
    string Path { get; }

    /// <summary>Number of tiles in the wanted part; null for shards, which tell only by being read.</summary>
    long? Count { get; }

    /// <summary>Looks at indices and headers, not at pixels: finds what would end a training hours later.</summary>
    /// <param name="progress">Told the share that is done.</param>
    /// <param name="cancel">Ends it.</param>
    TileCheck Check(Action<double>? progress = null, CancellationToken cancel = default);

    /// <summary>
    /// Tiles without end, epoch after epoch. In an epoch every tile comes to one rank, once.
    /// </summary>
    /// <param name="order">Seed and rank.</param>
    /// <param name="from">Where to go on; null from the beginning.</param>
    /// <exception cref="ArgumentException">
    /// The position belongs to other data, or to another number of shards' ranks.
    /// </exception>
    IEnumerable<TileStep> Sequence(TileOrder order, TilePosition? from = null);

    /// <summary>Reads one tile.</summary>
    /// <param name="reference">From a <see cref="TileStep"/> or a <see cref="TilePosition"/> of this data.</param>
    /// <exception cref="TileException">It cannot be read, or is not what it should be.</exception>
    Tile Load(TileReference reference);
}

// The door to tiles of any layout.
using SarSynth.Radar.Images;

namespace SarSynth.Data;

/// <summary>Opens tiles.</summary>
public static class Tiles
{
    /// <summary>Opens tiles of any layout that the kit reads.</summary>
    /// <param name="path">
    /// A folder of images with metadata.jsonl, metadata.csv or sidecar .txt files (in it, or in train, validation and
    /// test below it); a folder of the kit's paired scenes; a folder of WebDataset shards (.tar), one shard, a range of
    /// them ("shard-{00000..00012}.tar"), or a text file with a shard's address a line.
    /// </param>
    /// <param name="options">What is read; null for everything.</param>
    /// <exception cref="FileNotFoundException">There is nothing of that name.</exception>
    /// <exception cref="TileException">It is there, but not of such a layout, or its index is wrong.</exception>
    public static ITileSource Open(string path, TileOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        options ??= new TileOptions();
        if (ShardList.IsAddress(path) || path.EndsWith(".tar", StringComparison.OrdinalIgnoreCase))
            return new ShardTiles(path, ShardList.Expand(path), options);
        if (File.Exists(path))
        {
            return Path.GetExtension(path).ToLowerInvariant() is ".txt" or ".lst"
                ? new ShardTiles(path, ShardList.Read(path), options)
                : throw new TileException(path, "",
                    "found a file, expected a folder of tiles, a shard (.tar) or a list of them (.txt)");
        }
        if (!Directory.Exists(path))
            throw new FileNotFoundException($"{path}: no such folder or file, expected tiles.", path);
        if (File.Exists(Path.Combine(path, PairedDataset.FileName)))
            return new PairedTiles(path, options);
        var shards = ShardList.InFolder(path);
        return shards.Count > 0 ? new ShardTiles(path, shards, options) : new ImageFolderTiles(path, options);
    }

    /// <summary>The order of an epoch: a permutation that follows from seed and epoch alone.</summary>
    internal static int[] Permutation(int count, TileOrder order, long epoch)
    {
        var places = Enumerable.Range(0, count).ToArray();
        if (!order.IsShuffled)
            return places;
        var random = new SplitMix(order.Seed, (ulong)epoch, 0x7469_6C65);
        for (var i = count - 1; i > 0; i--)
        {
            var other = random.Next(i + 1);
            (places[i], places[other]) = (places[other], places[i]);
        }
        return places;
    }

    /// <summary>
    /// The sequence of data whose tiles are numbered: epochs one behind the other, and rank r of n takes every n-th
    /// from r on. So n ranks that take b each see what one rank sees that takes n b, and a position holds for any n.
    /// </summary>
    internal static IEnumerable<TileStep> Sequence(
        int count, string data, TileOrder order, TilePosition? from, Func<TileReference, Tile> load)
    {
        order.Check();
        RequireSame(data, from);
        return Steps();

        IEnumerable<TileStep> Steps()
        {
            var (epoch, places) = (-1L, Array.Empty<int>());
            for (var taken = from?.Taken ?? 0; ; taken += order.Ranks)
            {
                var next = taken + order.Rank;
                if (next / count != epoch)
                    (epoch, places) = (next / count, Permutation(count, order, next / count));
                var reference = new TileReference(0, places[(int)(next % count)]);
                yield return new TileStep(
                    reference, new TilePosition { Taken = taken + order.Ranks, Data = data }, () => load(reference));
            }
        }
    }

    /// <summary>Refuses a position of other data.</summary>
    internal static void RequireSame(string data, TilePosition? from)
    {
        if (from is not null && from.Data.Length > 0 && from.Data != data)
            throw new ArgumentException($"position: found one of other data ({from.Data}), expected {data}: "
                + "tiles were added, removed or renamed since, or this is another folder.");
    }

    /// <summary>Which part a folder's name stands for; null for none.</summary>
    internal static Split? SplitOf(string? folder) => folder?.ToLowerInvariant() switch
    {
        "train" or "training" => Split.Train,
        "validation" or "valid" or "val" or "dev" => Split.Validation,
        "test" or "testing" => Split.Test,
        _ => null,
    };

    /// <summary>
    /// The tile cut to whole steps of size about its middle: what a network that halves its images needs.
    /// </summary>
    internal static Tile CutTo(Tile tile, int step)
    {
        var (rows, columns) = WholeSteps(tile, step);
        // The middle to whole steps of eight, so that conditions of a coarser scale can be cut along.
        return tile.Cropped(new RasterWindow((tile.Rows - rows) / 2 / 8 * 8, (tile.Columns - columns) / 2 / 8 * 8,
            rows, columns));
    }

    /// <summary>A tile's sides in whole steps of size, pixels.</summary>
    internal static (int Rows, int Columns) WholeSteps(Tile tile, int step) =>
        (tile.Rows / step * step, tile.Columns / step * step) is var size && size is { Item1: > 0, Item2: > 0 } ? size
            : throw new TileException(tile.Source, tile.Key,
                $"found {tile.Rows} x {tile.Columns} pixels, expected {step} x {step} or more");
}

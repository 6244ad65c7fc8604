// Which shards there are: files of a folder, a range of numbers, or a list of addresses.
using System.Globalization;
using System.Text.RegularExpressions;

namespace SarSynth.Data;

/// <summary>Names of shards.</summary>
internal static partial class ShardList
{
    /// <summary>Whether a shard lies behind a web address.</summary>
    public static bool IsAddress(string shard) =>
        shard.StartsWith("https://", StringComparison.OrdinalIgnoreCase) || shard.StartsWith("http://",
            StringComparison.OrdinalIgnoreCase);

    /// <summary>The shards of a folder and of those below it, in the order of their names.</summary>
    public static IReadOnlyList<string> InFolder(string folder) =>
        [.. Directory.EnumerateFiles(folder, "*.tar", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];

    /// <summary>A name with ranges in braces, as WebDataset writes them, spelt out.</summary>
    /// <param name="pattern">"shard-{00000..00012}.tar" gives 13 names.</param>
    public static IReadOnlyList<string> Expand(string pattern)
    {
        var range = RangePattern().Match(pattern);
        if (!range.Success)
            return [pattern];
        var (first, last) = (int.Parse(range.Groups[1].Value, CultureInfo.InvariantCulture),
            int.Parse(range.Groups[2].Value, CultureInfo.InvariantCulture));
        if (last < first)
            throw new TileException(pattern, "", $"found the range {range.Value}, expected it to rise");
        var digits = "D" + range.Groups[1].Length.ToString(CultureInfo.InvariantCulture);
        return [.. Enumerable.Range(first, last - first + 1).SelectMany(number =>
            Expand(pattern[..range.Index] + number.ToString(digits, CultureInfo.InvariantCulture)
                + pattern[(range.Index + range.Length)..]))];
    }

    /// <summary>
    /// A list: an address or a path a line, ranges too; paths are relative to the list, # begins a comment.
    /// </summary>
    /// <exception cref="TileException">It names no shard, or something else.</exception>
    public static IReadOnlyList<string> Read(string list)
    {
        var folder = Path.GetDirectoryName(Path.GetFullPath(list))!;
        var shards = new List<string>();
        foreach (var (line, i) in File.ReadLines(list).Select((text, i) => (text.Split('#')[0].Trim(), i + 1)))
        {
            if (line.Length == 0)
                continue;
            var path = line.Split('?')[0];
            if (!path.EndsWith(".tar", StringComparison.OrdinalIgnoreCase))
                throw new TileException(list, "",
                    $"line {i}: found '{line}', expected a shard that ends with .tar (packed ones, .tar.gz, "
                    + "cannot be read from the middle, so that a run could not go on)");
            shards.AddRange(Expand(line).Select(shard => IsAddress(shard) ? shard
                : Path.GetFullPath(Path.Combine(folder, shard))));
        }
        return shards.Count > 0 ? shards : throw new TileException(list, "",
            "found no shard, expected an address or a path a line");
    }

    /// <summary>
    /// The part of the data that a shard belongs to, by the folders on its path; null where none is called so.
    /// </summary>
    /// <param name="shard">Path or address.</param>
    /// <param name="root">What lies above all shards and tells nothing; null for none.</param>
    public static Split? SplitOf(string shard, string? root)
    {
        var path = root is not null && !IsAddress(shard) ? Path.GetRelativePath(root, shard) : shard;
        return path.Split('?')[0].Split('/', '\\').Reverse().Skip(1).Select(Tiles.SplitOf).FirstOrDefault(split =>
            split is not null);
    }

    [GeneratedRegex(@"\{(\d+)\.\.(\d+)\}")]
    private static partial Regex RangePattern();
}

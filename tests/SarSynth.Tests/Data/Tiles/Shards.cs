// Shards in the layout of SARLO-80 and SARLAND, made by the tests: the tar of System.Formats.Tar, NumPy's header by
// hand.
using System.Formats.Tar;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json.Nodes;
using SarSynth.Radar.Images;

namespace SarSynth.Tests.Data;

/// <summary>Makes shards.</summary>
internal static class Shards
{
    /// <summary>A sample with every member that the layout has. Its amplitude is <paramref name="number"/> / 255
    /// everywhere.</summary>
    public static IEnumerable<(string Name, byte[] Bytes)> Sample(int number, int rows = 16, int columns = 16,
        bool caption = true, int? coverRows = null)
    {
        var key = $"{number:D9}";
        var meta = new JsonObject { ["city"] = "nowhere", ["spacing_eff_az"] = 0.8, ["spacing_eff_rg"] = 0.8 };
        if (caption)
            meta["caption"] = new JsonObject { ["SHORT"] = $"short {number}", ["MID"] = $"middle {number}",
                ["LONG"] = $"long {number}" };
        yield return ($"{key}.landcover.npy", Npy("|u1", $"(2, {coverRows ?? rows}, {columns})",
            [.. Enumerable.Range(0, 2 * (coverRows ?? rows) * columns).Select(i => i < (coverRows ?? rows) * columns
                ? (byte)(number % 100) : (byte)(i % columns == 0 ? 0 : 1))]));
        yield return ($"{key}.landcover.png", "a picture for the eye"u8.ToArray());
        yield return ($"{key}.meta.json", Encoding.UTF8.GetBytes(meta.ToJsonString()));
        yield return ($"{key}.sar.npy", Npy("<c8", $"({rows}, {columns})", MemoryMarshal.AsBytes<float>(
            [.. Enumerable.Range(0, rows * columns).SelectMany(i => (float[])[number, -i])]).ToArray()));
        yield return ($"{key}.sar.png", Png(number, rows, columns));
        yield return ($"{key}.sicd.xml", "<SICD/>"u8.ToArray());
    }

    /// <summary>A grey picture of one level, 0 to 255.</summary>
    public static byte[] Png(int level, int rows, int columns) => QuickLook.ToPng(
        new AmplitudeImage(rows, columns, [.. Enumerable.Repeat(level / 255f, rows * columns)]), new FixedRemap(1));

    /// <summary>Version 1.0 of the format: magic, version, length of the header, the header padded to 64
    /// bytes.</summary>
    public static byte[] Npy(string type, string shape, byte[] data)
    {
        var header = $"{{'descr': '{type}', 'fortran_order': False, 'shape': {shape}, }}";
        header = header.PadRight((10 + header.Length + 1 + 63) / 64 * 64 - 11) + "\n";
        return [0x93, .. "NUMPY"u8, 1, 0, (byte)header.Length, (byte)(header.Length >> 8),
            .. Encoding.ASCII.GetBytes(header), .. data];
    }

    public static void Write(string path, params IEnumerable<(string Name, byte[] Bytes)> members)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        using var tar = new TarWriter(File.Create(path), TarEntryFormat.Ustar);
        foreach (var (name, bytes) in members)
            tar.WriteEntry(new UstarTarEntry(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(bytes) });
    }

    /// <summary>Shards train/chunk_000/shard-0000N.tar and one of the test part, of some samples each.</summary>
    public static void WriteSet(string folder, int shards, int samples)
    {
        for (var s = 0; s < shards; s++)
            Write(Path.Combine(folder, "train", "chunk_000", $"shard-{s:D5}.tar"), Enumerable.Range(s * samples,
                samples).SelectMany(n => Sample(n)));
        Write(Path.Combine(folder, "test", "chunk_000", "shard-00000.tar"), Enumerable.Range(200, 3).SelectMany(n =>
            Sample(n)));
    }
}

// Files so wide that a row of tiles does not fit GDAL's cache: what is written twice shows as bytes
// that no tile of the file owns.
using System.Buffers.Binary;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;
using SarSynth.Radar.Radiometry;

namespace SarSynth.Radar.Tests.Formats;

public sealed class WideFileTests : IDisposable
{
    // 512 rows of 60,000 floats are 123 MB; GDAL's cache has 96 MB.
    private const int Rows = 300, Columns = 60_000;
    private readonly string folder = Directory.CreateTempSubdirectory("sarsynth-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void AFilteredStreamOfLinesWritesEveryTileOnce()
    {
        var path = Envi();
        var filter = new LeeFilter(5);
        using var raster = SarRaster.Open(path, new RasterOptions { Kind = PixelKind.Intensity });
        var target = Path.Combine(folder, "out.tif");
        filter.Apply(raster, target, new GeoTiffOptions { Compression = GeoTiffCompression.Zstandard });
        RequireNoWaste(target);
        // Where windows and bands meet, the values are those of a window that lies across.
        using var filtered = SarRaster.Open(target);
        foreach (var window in (RasterWindow[])[new(0, 0, 20, 300), new(54, 1990, 160, 120),
            new(200, 59_500, 100, 500)])
        {
            var padded = window.Grown(2, Rows, Columns);
            var whole = filter.Apply((IntensityImage)raster.Read(padded));
            var found = (IntensityImage)filtered.Read(window);
            for (var i = 0; i < found.Pixels.Length; i++)
            {
                int row = window.Row - padded.Row + i / window.Columns,
                    column = window.Column - padded.Column + i % window.Columns;
                Assert.Equal(whole.Pixels[row * padded.Columns + column], found.Pixels[i], 1e-5f * found.Pixels[i]);
            }
        }
    }

    [Fact]
    public void LinesWrittenOneByOneWriteEveryTileOnce()
    {
        var path = Path.Combine(folder, "lines.tif");
        var random = new Random(3);
        using (var writer = new GeoTiffWriter(path, Rows, Columns, PixelKind.Intensity,
            options: new GeoTiffOptions { Compression = GeoTiffCompression.Zstandard }))
        {
            for (var row = 0; row < Rows; row++)
                writer.WriteWindow(row, 0, new IntensityImage(1, Columns, Noise(random, Columns)));
            writer.Complete();
        }
        RequireNoWaste(path);
    }

    [Fact]
    public void FilesOfOrdinaryWidthKeepTheirTiles()
    {
        using var writer = new GeoTiffWriter(Path.Combine(folder, "a.tif"), 20_000, 20_000, PixelKind.Intensity);
        Assert.Equal((512, 512), (writer.TileRows, writer.TileColumns));
        using var complex = new GeoTiffWriter(Path.Combine(folder, "b.tif"), 20_000, 20_000, PixelKind.Complex,
            options: new GeoTiffOptions { TileSize = 256 });
        Assert.Equal((256, 256), (complex.TileRows, complex.TileColumns));
    }

    private string Envi()
    {
        var random = new Random(4);
        using (var file = File.Create(Path.Combine(folder, "in.img")))
        {
            for (var row = 0; row < Rows; row++)
                file.Write(System.Runtime.InteropServices.MemoryMarshal.AsBytes<float>(Noise(random, Columns)));
        }
        File.WriteAllText(Path.Combine(folder, "in.hdr"),
            $"ENVI\nsamples = {Columns}\nlines = {Rows}\nbands = 1\ndata type = 4\ninterleave = bsq\nbyte order = 0\n");
        return Path.Combine(folder, "in.img");
    }

    private static float[] Noise(Random random, int count)
    {
        var values = new float[count];
        foreach (ref var value in values.AsSpan())
            value = 0.5f + random.NextSingle();
        return values;
    }

    // A tile that comes again longer than before goes to the end of the file, and its old place is lost.
    private static void RequireNoWaste(string path)
    {
        var bytes = File.ReadAllBytes(path);
        Assert.Equal("II*\0"u8, bytes.AsSpan(0, 4));
        var directory = bytes.AsSpan((int)BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(4)));
        long owned = 0, tiles = 0;
        for (var entry = 0; entry < BinaryPrimitives.ReadUInt16LittleEndian(directory); entry++)
        {
            var field = directory.Slice(2 + 12 * entry, 12);
            if (BinaryPrimitives.ReadUInt16LittleEndian(field) != 325) // TileByteCounts, TIFF 6.0 section 15
                continue;
            Assert.Equal(4, BinaryPrimitives.ReadUInt16LittleEndian(field[2..]));
            tiles = BinaryPrimitives.ReadUInt32LittleEndian(field[4..]);
            var at = (int)BinaryPrimitives.ReadUInt32LittleEndian(field[8..]);
            for (var tile = 0; tile < tiles; tile++)
                owned += BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at + 4 * tile));
        }
        Assert.True(tiles > 100 && owned > Rows * (long)Columns, $"{tiles} tiles of {owned} bytes");
        // Each tile has an offset and a length in the directory; 8 kB are enough for the rest of it.
        Assert.True(bytes.Length - owned < 16 * tiles + 8192,
            $"{bytes.Length} bytes in the file, {owned} of them in {tiles} tiles");
    }
}

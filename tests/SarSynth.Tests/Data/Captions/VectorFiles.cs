// Vector files for tests: GeoJSON as text, Shapefiles byte by byte (ESRI 1998), GeoPackages copied by GDAL.
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json.Nodes;

namespace SarSynth.Tests.Data;

/// <summary>Writes vector files.</summary>
internal static unsafe class VectorFiles
{
    /// <summary>A feature's geometry in GeoJSON's words, with one attribute.</summary>
    public static JsonObject Feature(string type, JsonNode coordinates, string? field = null, JsonNode? value = null) =>
        new()
        {
            ["type"] = "Feature",
            ["geometry"] = new JsonObject { ["type"] = type, ["coordinates"] = coordinates },
            ["properties"] = field is null ? new JsonObject() : new JsonObject { [field] = value },
        };

    /// <summary>Points as arrays of two numbers.</summary>
    public static JsonArray Points(params (double X, double Y)[] points) =>
        new([.. points.Select(p => (JsonNode)new JsonArray(p.X, p.Y))]);

    /// <summary>A ring: its first point again at its end.</summary>
    public static JsonArray Ring(params (double X, double Y)[] points) => new(Points([.. points, points[0]]));

    /// <summary>A file of longitudes and latitudes.</summary>
    public static string GeoJson(string path, params JsonObject[] features)
    {
        File.WriteAllText(path, new JsonObject
        {
            ["type"] = "FeatureCollection", ["features"] = new JsonArray([.. features]),
        }.ToJsonString());
        return path;
    }

    /// <summary>One polyline with a number of the field "class", in what the WKT tells; no .prj without it.</summary>
    public static string Shapefile(string path, (double X, double Y)[] line, int value, string? wkt)
    {
        const int header = 100, record = 8;
        var content = 44 + 4 + 16 * line.Length;
        var shape = new byte[header + record + content];
        void Head(byte[] file)
        {
            BinaryPrimitives.WriteInt32BigEndian(file, 9994);
            BinaryPrimitives.WriteInt32BigEndian(file.AsSpan(24), file.Length / 2);
            BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(28), 1000);
            BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(32), 3);
            Box(file.AsSpan(36));
        }
        void Box(Span<byte> at)
        {
            BinaryPrimitives.WriteDoubleLittleEndian(at, line.Min(p => p.X));
            BinaryPrimitives.WriteDoubleLittleEndian(at[8..], line.Min(p => p.Y));
            BinaryPrimitives.WriteDoubleLittleEndian(at[16..], line.Max(p => p.X));
            BinaryPrimitives.WriteDoubleLittleEndian(at[24..], line.Max(p => p.Y));
        }
        Head(shape);
        var at = shape.AsSpan(header);
        BinaryPrimitives.WriteInt32BigEndian(at, 1);
        BinaryPrimitives.WriteInt32BigEndian(at[4..], content / 2);
        at = at[record..];
        BinaryPrimitives.WriteInt32LittleEndian(at, 3);
        Box(at[4..]);
        BinaryPrimitives.WriteInt32LittleEndian(at[36..], 1);
        BinaryPrimitives.WriteInt32LittleEndian(at[40..], line.Length);
        for (var i = 0; i < line.Length; i++)
        {
            BinaryPrimitives.WriteDoubleLittleEndian(at[(48 + 16 * i)..], line[i].X);
            BinaryPrimitives.WriteDoubleLittleEndian(at[(56 + 16 * i)..], line[i].Y);
        }
        File.WriteAllBytes(path, shape);
        var index = new byte[header + 8];
        Head(index);
        BinaryPrimitives.WriteInt32BigEndian(index.AsSpan(header), header / 2);
        BinaryPrimitives.WriteInt32BigEndian(index.AsSpan(header + 4), content / 2);
        File.WriteAllBytes(Path.ChangeExtension(path, ".shx"), index);
        // dBASE III: a field of four digits, one row.
        var table = new byte[32 + 32 + 1 + 5 + 1];
        (table[0], table[1], table[2], table[3]) = (3, 126, 1, 1);
        BinaryPrimitives.WriteInt32LittleEndian(table.AsSpan(4), 1);
        BinaryPrimitives.WriteInt16LittleEndian(table.AsSpan(8), 65);
        BinaryPrimitives.WriteInt16LittleEndian(table.AsSpan(10), 5);
        Encoding.ASCII.GetBytes("class").CopyTo(table, 32);
        (table[32 + 11], table[32 + 16], table[64]) = ((byte)'N', 4, 13);
        Encoding.ASCII.GetBytes($" {value,4}\x1a").CopyTo(table, 65);
        File.WriteAllBytes(Path.ChangeExtension(path, ".dbf"), table);
        if (wkt is not null)
            File.WriteAllText(Path.ChangeExtension(path, ".prj"), wkt);
        return path;
    }

    /// <summary>Layers of other files in one GeoPackage.</summary>
    public static string GeoPackage(string path, params (string Name, string From)[] layers)
    {
        var gdal = Enumerable.Range(26, 25).Reverse().Select(version =>
            NativeLibrary.TryLoad($"libgdal.so.{version}", out var handle) ? handle : 0).First(handle => handle != 0);
        nint Named(string name) => NativeLibrary.GetExport(gdal, name);
        byte[] Text(string text) => Encoding.UTF8.GetBytes(text + '\0');
        ((delegate* unmanaged<void>)Named("GDALAllRegister"))();
        fixed (byte* driver = Text("GPKG"), file = Text(path))
        {
            var made = ((delegate* unmanaged<nint, byte*, int, int, int, int, nint, nint>)Named("GDALCreate"))(
                ((delegate* unmanaged<byte*, nint>)Named("GDALGetDriverByName"))(driver), file, 0, 0, 0, 0, 0);
            foreach (var (name, from) in layers)
            {
                fixed (byte* source = Text(from), called = Text(name))
                {
                    const uint vector = 4;
                    var open = ((delegate* unmanaged<byte*, uint, nint, nint, nint, nint>)Named("GDALOpenEx"))(
                        source, vector, 0, 0, 0);
                    var layer = ((delegate* unmanaged<nint, int, nint>)Named("GDALDatasetGetLayer"))(open, 0);
                    Assert.NotEqual(0, ((delegate* unmanaged<nint, nint, byte*, nint, nint>)Named(
                        "GDALDatasetCopyLayer"))(made, layer, called, 0));
                    _ = ((delegate* unmanaged<nint, int>)Named("GDALClose"))(open);
                }
            }
            _ = ((delegate* unmanaged<nint, int>)Named("GDALClose"))(made);
        }
        return path;
    }
}

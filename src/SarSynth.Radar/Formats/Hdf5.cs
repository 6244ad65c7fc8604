// HDF5 files, read by PureHDF: it is managed code, so that a damaged file ends in an exception and never in a crash.
// GDAL is passed by here: it knows no half-precision complex numbers.
using PureHDF;
using PureHDF.VOL.Native;
using SarSynth.Radar.Images;

namespace SarSynth.Radar.Formats;

/// <summary>An open HDF5 file. Not safe for several threads.</summary>
internal sealed class Hdf5File : IDisposable
{
    private const int LargestText = 10_000, LargestTable = 50_000_000;
    private readonly string path;
    private readonly NativeFile file;

    /// <exception cref="RasterException">It is no HDF5 file, or damaged.</exception>
    public Hdf5File(string path)
    {
        this.path = path;
        file = Guarded(path, "cannot be opened as HDF5", () =>
            H5File.Open(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
    }

    /// <summary>Whether there is an object at a path.</summary>
    public bool Has(string name) =>
        name == "/" || Guarded(path, $"{name} cannot be looked up", () => file.LinkExists(name));

    /// <summary>Names in a group, in order; empty when there is no such group.</summary>
    public List<string> Names(string group) => !Has(group) ? []
        : Guarded<List<string>>(path, $"{group} cannot be listed", () => file.Get(group) is not IH5Group found ? []
            : [.. found.Children().Select(child => child.Name).Order(StringComparer.Ordinal)]);

    /// <summary>
    /// The text of a scalar dataset, or of the first value of an array; null when it is absent or no text.
    /// </summary>
    public string? Text(string name) => Texts(name).FirstOrDefault();

    /// <summary>The texts of a dataset; empty when it is absent or holds none.</summary>
    public List<string> Texts(string name) => Find(name) is not { } dataset ? []
        : Guarded<List<string>>(path, $"{name} cannot be read", () =>
        {
            if (Count(dataset) is not (>= 1 and <= LargestText) || !IsText(dataset.Type))
                return [];
            var texts = dataset.Space.Rank == 0 ? [dataset.Read<string>()] : dataset.Read<string[]>();
            return [.. texts.Select(text => text?.TrimEnd('\0', ' ') ?? "")];
        });

    /// <summary>The numbers of a dataset as doubles, and its shape; null when it is absent or holds none.</summary>
    public (double[] Values, long[] Shape)? Numbers(string name)
    {
        if (Find(name) is not { } dataset)
            return null;
        return Guarded<(double[], long[])?>(path, $"{name} cannot be read", () =>
        {
            if (Count(dataset) is not (>= 1 and <= LargestTable) || Hdf5Number.Of(dataset.Type) is not { } type)
                return null;
            var bytes = new byte[checked((int)Count(dataset) * type.Size)];
            dataset.Read<byte>(bytes.AsSpan());
            return (type.ToDoubles(bytes), Hdf5Dataset.ShapeOf(dataset));
        });
    }

    /// <summary>The first number of a dataset; null when it is absent.</summary>
    public double? Number(string name) => Numbers(name)?.Values[0] is { } number
        && double.IsFinite(number) ? number : null;

    /// <summary>The text of a dataset's attribute; null when there is none.</summary>
    public string? AttributeText(string name, string attribute) => Find(name) is not { } dataset ? null
        : Guarded(path, $"attribute {attribute} of {name} cannot be read", () => !dataset.AttributeExists(attribute)
            || dataset.Attribute(attribute) is not { Space.Rank: 0 } found || !IsText(found.Type) ? null
            : found.Read<string>()?.TrimEnd('\0', ' '));

    /// <summary>Opens a two-dimensional dataset of real numbers, or of compounds of two.</summary>
    /// <exception cref="RasterException">It is not there or is of another kind.</exception>
    public Hdf5Dataset Open(string name) =>
        new(path, name, Find(name) ?? throw new RasterException(path, $"has no dataset {name}"));

    public void Dispose() => file.Dispose();

    /// <summary>Runs what reads the file; whatever it throws means that the file is damaged.</summary>
    internal static T Guarded<T>(string path, string problem, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception error)
            when (error is not (RasterException or ObjectDisposedException or FileNotFoundException))
        {
            throw new RasterException(path, $"{problem}: {error.Message.ReplaceLineEndings(" ").TrimEnd('.')}", error);
        }
    }

    private NativeDataset? Find(string name) => !Has(name) ? null
        : Guarded(path, $"{name} cannot be opened", () => file.Get(name) as NativeDataset);

    // Texts of any length are told as sequences of bytes.
    private static bool IsText(IH5DataType type) => type.Class is H5DataTypeClass.String
        || (type.Class == H5DataTypeClass.VariableLength && type.VariableLength.BaseType is { Size: 1 });

    private static long Count(NativeDataset dataset) => dataset.Space.Type == H5DataspaceType.Null ? 0
        : (long)dataset.Space.Dimensions.Aggregate(1UL, (count, size) => checked(count * size));
}

using System.Diagnostics;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;
using SarSynth.Tests.Support;

namespace SarSynth.Cli.Tests;

/// <summary>The program as a shell runs it, in an empty folder of its own.</summary>
public abstract class Shell : IDisposable
{
    /// <summary>Where it runs.</summary>
    protected string Folder { get; } = Directory.CreateTempSubdirectory("sarsynth-cli-").FullName;

    /// <inheritdoc/>
    public void Dispose()
    {
        Directory.Delete(Folder, recursive: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>A path in the folder.</summary>
    protected string In(string name) => Path.Combine(Folder, name);

    protected static string Embedded(string file) =>
        Path.Combine(TestData.Root, "data-manifests", "embedded", "paired-scenes", file);

    protected static string SatelliteFile => Directory.GetFiles(Embedded(""), "*.satellite.tif").Order().First();

    protected (int Code, string Out, string Error) Run(params string[] arguments) => RunWith([], arguments);

    protected (int Code, string Out, string Error) RunWith(Dictionary<string, string> variables,
        params string[] arguments)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!, [typeof(Failures).Assembly.Location, .. arguments])
        {
            WorkingDirectory = Folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        foreach (var (name, value) in variables)
            start.Environment[name] = value;
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, error.Result);
    }

    /// <summary>Runs what must succeed.</summary>
    /// <returns>What it wrote on standard output and standard error.</returns>
    protected (string Out, string Error) Good(params string[] arguments)
    {
        var (code, output, error) = Run(arguments);
        Assert.True(code == 0, $"exit code {code}\n{output}{error}");
        return (output, error);
    }

    /// <summary>Writes amplitudes row + column / 1000 + 1 as a GeoTIFF with pixels of 2 m.</summary>
    protected string Ramp(string name, int rows = 60, int columns = 80, SarMetadata? metadata = null)
    {
        var pixels = new float[rows * columns];
        for (var i = 0; i < pixels.Length; i++)
            pixels[i] = i / columns + i % columns / 1000f + 1;
        GeoTiff.Write(new AmplitudeImage(rows, columns, pixels, metadata, new([500000, 2, 0, 4000, 0, -2], Utm32)),
            In(name));
        return In(name);
    }

    /// <summary>Reads all pixels of a raster as they are.</summary>
    protected float[] Pixels(string name)
    {
        using var raster = SarRaster.Open(In(name));
        return raster.Read() switch
        {
            AmplitudeImage amplitude => amplitude.Pixels,
            IntensityImage intensity => intensity.Pixels,
            var other => throw new InvalidOperationException($"{other.GetType().Name} was not expected"),
        };
    }

    protected const string Utm32 = "PROJCS[\"WGS 84 / UTM zone 32N\",GEOGCS[\"WGS 84\",DATUM[\"WGS_1984\","
        + "SPHEROID[\"WGS 84\",6378137,298.257223563]],PRIMEM[\"Greenwich\",0],UNIT[\"degree\",0.0174532925199433]],"
        + "PROJECTION[\"Transverse_Mercator\"],PARAMETER[\"latitude_of_origin\",0],PARAMETER[\"central_meridian\",9],"
        + "PARAMETER[\"scale_factor\",0.9996],PARAMETER[\"false_easting\",500000],PARAMETER[\"false_northing\",0],"
        + "UNIT[\"metre\",1],AXIS[\"Easting\",EAST],AXIS[\"Northing\",NORTH],AUTHORITY[\"EPSG\",\"32632\"]]";
}

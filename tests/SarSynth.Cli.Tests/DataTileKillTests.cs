using System.Diagnostics;
using System.Security.Cryptography;
using MathNet.Numerics;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;

namespace SarSynth.Cli.Tests;

/// <summary>A process that is killed leaves what was finished, and the next one ends with the same bytes.</summary>
public sealed class DataTileKillTests : Shell
{
    [Fact]
    public void TilesOfAKilledProcessAreFinishedByTheNext()
    {
        var random = new Random(1);
        Complex32 Sample() => Complex32.FromPolarCoordinates(
            (float)Math.Sqrt(-Math.Log(1 - random.NextDouble())), (float)(2 * Math.PI * random.NextDouble()));
        GeoTiff.Write(new ComplexImage(1200, 1200, [.. Enumerable.Range(0, 1200 * 1200).Select(_ => Sample())],
            new SarMetadata { AzimuthSpacing = 0.5, RangeSpacing = 0.5 }), In("scene.tif"));
        string[] Arguments(string folder) =>
            ["data", "tile", "scene.tif", "-o", folder, "--size", "64", "--spacing", "0.8", "--caption", "speckle",
                "-q"];
        Good(Arguments("whole/tiles"));
        var whole = Contents("whole/tiles");
        // On a busy machine a process may be done before anybody looks: then another folder.
        var (kills, tries) = (0, 0);
        while (kills < 2)
        {
            Assert.InRange(++tries, 1, 50);
            if (Directory.Exists(In("killed")))
                Directory.Delete(In("killed"), recursive: true);
            kills = Kills();
        }
        Good(Arguments("killed/tiles"));
        Assert.Equal(whole, Contents("killed/tiles"));

        int Kills()
        {
            var killed = 0;
            for (var tiles = 1; tiles < 100; tiles += 20)
                killed += KilledAt(tiles) ? 1 : 0;
            return killed;
        }

        bool KilledAt(int tiles)
        {
            var start = new ProcessStartInfo(
                Environment.ProcessPath!, [typeof(Failures).Assembly.Location, .. Arguments("killed/tiles")])
            {
                WorkingDirectory = Folder, RedirectStandardOutput = true, RedirectStandardError = true,
            };
            using var process = Process.Start(start)!;
            while (!process.HasExited && Count() < tiles)
                Thread.Sleep(2);
            // SIGKILL: nothing is flushed, nothing is cleaned.
            process.Kill();
            process.WaitForExit();
            return process.ExitCode != 0;
        }

        int Count() => Directory.Exists(In("killed/tiles"))
            ? Directory.EnumerateFiles(In("killed/tiles"), "scene_*.png", SearchOption.AllDirectories).Count() : 0;
    }

    private Dictionary<string, string> Contents(string folder) => Directory.EnumerateFiles(In(folder), "*",
        SearchOption.AllDirectories)
        .Where(file => !file.EndsWith("provenance.json", StringComparison.Ordinal)).ToDictionary(
            file => Path.GetRelativePath(In(folder), file), file =>
                Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(file))));
}

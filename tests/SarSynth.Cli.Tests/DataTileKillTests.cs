using System.Diagnostics;
using System.Security.Cryptography;
using MathNet.Numerics;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;
using SarSynth.Tests.Support;

namespace SarSynth.Cli.Tests;

/// <summary>
/// A process that is killed leaves what was finished, and the next one ends with the same bytes; so do several of them.
/// </summary>
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

    [MpiFact]
    public void RanksMakeTheTilesThatOneProcessMakes()
    {
        var random = new Random(2);
        foreach (var name in (string[])["a", "b", "c"])
        {
            GeoTiff.Write(new AmplitudeImage(200, 150, [.. Enumerable.Range(0, 200 * 150).Select(_ =>
                (float)Math.Sqrt(-Math.Log(1 - random.NextDouble())))]), In(name + ".tif"));
        }
        string[] Arguments(string folder, string last) => ["data", "tile", "a.tif", "b.tif", last, "-o", folder,
            "--size", "32", "--block", "64", "--caption", "speckle", "-q"];
        Good(Arguments("one/tiles", "c.tif"));
        var (code, said) = Ranks(2, Arguments("two/tiles", "c.tif"));
        Assert.True(code == 0, said);
        Assert.Equal(Contents("one/tiles"), Contents("two/tiles"));
        // The third scene is the first rank's: the other one must not wait for it.
        File.WriteAllText(In("d.tif"), "no raster");
        (code, said) = Ranks(2, Arguments("three/tiles", "d.tif"));
        Assert.NotEqual(0, code);
        Assert.Matches(@"rank 0 of 2 .*d\.tif", said);
        // What was cut is kept: the run that can read all ends as ever.
        File.Copy(In("c.tif"), In("d.tif"), overwrite: true);
        (code, said) = Ranks(3, Arguments("three/tiles", "d.tif"));
        Assert.True(code == 0, said);
        Assert.Equal(3 * 6 * 4,
            Directory.EnumerateFiles(In("three/tiles"), "*_r*.png", SearchOption.AllDirectories).Count());

        (int Code, string Said) Ranks(int count, string[] arguments)
        {
            var start = new ProcessStartInfo(MpiFactAttribute.Launcher, ["-n", $"{count}", Environment.ProcessPath!,
                typeof(Failures).Assembly.Location, .. arguments])
            {
                WorkingDirectory = Folder, RedirectStandardError = true,
            };
            using var ranks = Process.Start(start)!;
            var error = ranks.StandardError.ReadToEnd();
            ranks.WaitForExit();
            return (ranks.ExitCode, error);
        }
    }

    private Dictionary<string, string> Contents(string folder) => Directory.EnumerateFiles(In(folder), "*",
        SearchOption.AllDirectories)
        .Where(file => !file.EndsWith("provenance.json", StringComparison.Ordinal)).ToDictionary(
            file => Path.GetRelativePath(In(folder), file), file =>
                Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(file))));
}

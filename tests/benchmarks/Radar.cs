// The radar library beside numpy, scipy and scikit-image, in turns on the same machine; the memory of a stream.
using System.Diagnostics;
using System.Globalization;
using MathNet.Numerics;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;
using SarSynth.Radar.Radiometry;
using SarSynth.Radar.Signal;
using SarSynth.Radar.Simulation;
using SarSynth.Radar.Statistics;

namespace SarSynth.Benchmarks;

internal static class Radar
{
    private const int Rounds = 5;

    internal static int Run(string[] args)
    {
        if (args is ["stream", var folder, var gigabytes]) return Stream(folder,
            double.Parse(gigabytes, CultureInfo.InvariantCulture));
        using var python = PythonScript.Start("radar.py");
        Console.WriteLine($"{Environment.ProcessorCount} processors, .NET {Environment.Version}");
        Console.WriteLine("memory: what one call allocates here; what numpy holds at its peak beyond its input");
        Console.WriteLine($"{"",-52}{"here",12}{"python3",12}{"faster",8}{"goal",9}{"here",11}{"python3",11}");
        var missed = false;
        foreach (var (name, key, goal, ours) in Cases())
        {
            // The two take turns, so that what else runs on the machine hits both; the best of the rounds counts.
            ours();
            double mine = double.MaxValue, theirs = double.MaxValue;
            long memory = long.MaxValue;
            for (var round = 0; round < Rounds; round++)
            {
                var before = GC.GetTotalAllocatedBytes(precise: true);
                var clock = Stopwatch.StartNew();
                ours();
                mine = Math.Min(mine, clock.Elapsed.TotalMilliseconds);
                memory = Math.Min(memory, GC.GetTotalAllocatedBytes(precise: true) - before);
                if (python is not null && key.Length > 0) theirs = Math.Min(theirs, python.Ask(key)[0] * 1e3);
            }
            var compared = theirs < double.MaxValue;
            missed |= goal.Faster > 0 && compared && theirs / mine < goal.Faster;
            missed |= goal.Milliseconds > 0 && mine > goal.Milliseconds;
            Console.WriteLine($"{name,-52}{mine,9:F1} "
                + $"ms{(compared ? $"{theirs:F1} ms" : "-"),12}{(compared ? $"{theirs / mine:F2}" : ""),8}{goal,9}"
                + $"{memory / 1e6,8:F1} MB{(compared ? $"{python!.Ask("memory " + key)[0] / 1e6:F1} MB" : "-"),11}");
        }
        foreach (var (name, size) in ((string, double)[])[("normalise, look at, measure, despeckle 1 GB, peak", 1),
            ("the same, 2 GB in lines of 73,000 pixels, peak", 2)])
        {
            var (peak, written) = Streamed(size);
            missed |= peak > 500 || written > 1.1;
            Console.WriteLine($"{name,-52}{"",12}{"",12}{"",8}{"500 MB",9}{peak,8:F0} MB");
            if (written > 1.1) Console.WriteLine($"  and {written:F2} times the file's bytes were written");
        }
        if (python is null) Console.WriteLine("python3 with numpy and scipy is not installed: nothing to compare with");
        return missed ? 1 : 0;
    }

    /// <summary>
    /// How many times faster than python3, or in how many milliseconds; nothing is asked where both are 0.
    /// </summary>
    private readonly record struct Goal(double Faster, double Milliseconds = 0)
    {
        public override string ToString() => Faster > 0 ? $"{Faster:F2}" : Milliseconds > 0 ? $"{Milliseconds:F0} ms"
            : "";
    }

    private static IEnumerable<(string Name, string Key, Goal Goal, Action Ours)> Cases()
    {
        var random = new Random(1);
        var image = new IntensityImage(4096, 4096,
            [.. Enumerable.Range(0, 4096 * 4096).Select(_ => (float)-Math.Log(1 - random.NextDouble()))]);
        yield return ("ENL map 7x7, 4096x4096", "enl", new Goal(6), () => Enl.Map(image.Pixels, 4096, 4096, 7));
        yield return ("local mean 7x7 (statistics), 4096x4096", "mean", new Goal(6), () =>
            LocalStatistics.Mean(image.Pixels, 4096, 4096, 7));
        yield return ("histogram of 256 bins, 4096x4096", "histogram", new Goal(4), () =>
            Histogram.Linear(image.Pixels, 256, 0, 10));
        var grey = Glcm.Quantise(image.Pixels.AsSpan(0, 1024 * 1024), 32, 0, 5);
        yield return ("GLCM, 32 levels, 4 angles, 1024x1024", "glcm", new Goal(1), () =>
            Glcm.Compute(grey, 1024, 1024, 32, [1.0], Glcm.FourAngles));
        var coarse = Glcm.Quantise(image.Pixels.AsSpan(0, 1024 * 1024), 16, 0, 5);
        yield return ("GLCM contrast map 31x31, 16 levels, 1024x1024", "glcm_map", new Goal(20), () =>
            Glcm.Map(coarse, 1024, 1024, 16, 31, GlcmFeature.Contrast));
        yield return ("GLCM entropy map 31x31, 16 levels, 256x256", "", default, () =>
            Glcm.Map(coarse.AsSpan(0, 256 * 256), 256, 256, 16, 31, GlcmFeature.Entropy));
        yield return ("Lee 7x7, 4096x4096", "lee", new Goal(8), () => new LeeFilter(7).Apply(image));
        yield return ("mean 7x7, 4096x4096", "mean", new Goal(6), () => new BoxcarFilter(7).Apply(image));
        yield return ("enhanced Lee 7x7, 4096x4096", "", default, () => new EnhancedLeeFilter(7).Apply(image));
        yield return ("Gamma-MAP 7x7, 4096x4096", "", default, () => new GammaMapFilter(7).Apply(image));
        var part = new IntensityImage(1024, 1024, image.Pixels[..(1024 * 1024)]);
        yield return ("refined Lee 7x7, 1024x1024", "", default, () => new RefinedLeeFilter().Apply(part));
        yield return ("Frost 7x7, 1024x1024", "", default, () => new FrostFilter(7).Apply(part));
        yield return ("non-local 7x7 in 21x21, 1024x1024", "", default, () => new NonLocalFilter().Apply(part));
        yield return ("multilook 4x4, 4096x4096", "multilook", default, () => Multilook.Apply(image, 4, 4));
        var samples = new Complex32[2048 * 2048];
        void Fill()
        {
            for (var i = 0; i < samples.Length; i++) samples[i] =
                new Complex32(random.NextSingle(), random.NextSingle());
        }
        Fill();
        // Forward and back, so that the numbers stay small; both sides do it.
        yield return ("2-D FFT and inverse, 2048x2048 complex64", "fft", new Goal(0.5), () =>
            { Fourier.Forward2D(samples, 2048, 2048); Fourier.Inverse2D(samples, 2048, 2048); });
        var scene = Scene.Generate(1, new SceneOptions { Rows = 1024, Columns = 1024 });
        yield return ("simulation of a single-look image, 1024x1024", "", new Goal(0, 1000), () =>
            Simulator.Observe(scene, Sensors.AirborneX040, 1));
        yield return ("scene of land cover and heights, 1024x1024", "", default, () =>
            Scene.Generate(1, new SceneOptions { Rows = 1024, Columns = 1024 }));
        var odd = samples[..(1999 * 1999)];
        yield return ("2-D FFT and inverse, 1999x1999 (prime)", "fft_prime", default, () =>
            { Fourier.Forward2D(odd, 1999, 1999); Fourier.Inverse2D(odd, 1999, 1999); });
    }

    // In a process of its own: its peak and its bytes are this work's alone.
    private static (double Peak, double Written) Streamed(double gigabytes)
    {
        var folder = Directory.CreateTempSubdirectory("sarsynth-bench-").FullName;
        try
        {
            if (gigabytes <= 1)
                _ = Self.Number("radar", "stream", folder, "0");
            var numbers = Self.Numbers("radar", "stream", folder, gigabytes.ToString(CultureInfo.InvariantCulture));
            return (numbers[0], numbers[1]);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    // A raster of zeros in a sparse file: it is as long as it says and takes no room.
    private static void MakeSparse(string folder, double gigabytes)
    {
        const int columns = 73_000;
        var rows = (long)(gigabytes * 1e9 / (4L * columns));
        using (var file = File.Create(Path.Combine(folder, "in.img")))
            file.SetLength(4L * columns * rows);
        File.WriteAllText(Path.Combine(folder, "in.hdr"),
            $"ENVI\nsamples = {columns}\nlines = {rows}\nbands = 1\ndata type = 4\ninterleave "
                + $"= bsq\nbyte order = 0\nheader offset = 0\n");
    }

    private static int Stream(string folder, double gigabytes)
    {
        string source = Path.Combine(folder, "in.tif"), target = Path.Combine(folder, "out.tif");
        var options = new GeoTiffOptions { Compression = GeoTiffCompression.None };
        if (gigabytes > 1) // Beyond the table's own: of any size, stored in lines.
        {
            MakeSparse(folder, gigabytes);
            source = Path.Combine(folder, "in.img");
        }
        if (gigabytes == 0)
        {
            const int columns = 16384, rows = 16384;
            var random = new Random(1);
            var strip = new IntensityImage(512, columns,
                [.. Enumerable.Range(0, 512 * columns).Select(_ => (float)-Math.Log(1 - random.NextDouble()))]);
            using var writer = new GeoTiffWriter(source, rows, columns, PixelKind.Intensity, options: options);
            for (var row = 0; row < rows; row += 512) writer.WriteWindow(row, 0, strip);
            writer.Complete();
            Console.WriteLine(Self.PeakMegabytes);
            return 0;
        }
        using var raster = SarRaster.Open(source);
        var before = BytesWritten();
        var clock = Stopwatch.StartNew();
        void Tell(string step)
        {
            if (gigabytes > 2)
                Console.Error.WriteLine($"{step,-12} {clock.Elapsed.TotalMinutes,6:F1} min, peak {Self.PeakMegabytes} "
                    + $"MB, written {BytesWritten() / 1e9:F1} GB");
        }
        var fit = new NormalisationFit();
        foreach (var block in raster.Blocks()) fit.Add(block.Image.ToAmplitude().Pixels);
        Tell("normalise");
        QuickLook.ToPng(raster);
        Tell("quick-look");
        ImageStatistics.Compute(raster);
        Tell("statistics");
        new LeeFilter(7).Apply(raster, target, options);
        Tell("despeckle");
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{Self.PeakMegabytes} {(double)(BytesWritten() - before) / new FileInfo(target).Length}"));
        return 0;
    }

    // What the process has handed to the file system.
    private static long BytesWritten() =>
        long.Parse(File.ReadLines("/proc/self/io").First(l => l.StartsWith("wchar", StringComparison.Ordinal))
        .Split(' ')[1], CultureInfo.InvariantCulture);
}

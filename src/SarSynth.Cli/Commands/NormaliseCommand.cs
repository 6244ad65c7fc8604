// sarsynth normalise IN... -o: amplitudes to the numbers that a model works on; the parameters go into the provenance.
using System.CommandLine;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;
using SarSynth.Radar.Radiometry;

namespace SarSynth.Cli.Commands;

static class NormaliseCommand
{
    private static readonly string[] methods = ["sigma", "log"];

    public static Command Create()
    {
        var method = new Option<string>("--method")
        {
            Description = "sigma: A / (mean + 3 sigma), clipped to 0 ... 1; log: (ln(A + epsilon) - mean) / sigma.",
            DefaultValueFactory = _ => methods[0],
        };
        var deviations = new Option<double>("--deviations")
        {
            Description = "sigma: standard deviations above the mean that become 1.",
            DefaultValueFactory = _ => 3,
        };
        var epsilon = new Option<double?>("--epsilon")
        {
            Description = "log: amplitude added before the logarithm; 1e-4 of the mean amplitude when left out.",
        };
        return RasterCommand.Create("normalise",
            "Amplitudes to a model's values, fitted to each input; parameters beside it.",
            "normalising", ".tif", [method, deviations, epsilon], (parsed, reading) =>
            {
                var name = parsed.GetRequiredValue(method);
                if (!methods.Contains(name))
                    throw new ArgumentException($"--method: found '{name}', expected sigma or log.");
                var (sigmas, added) = (parsed.GetValue(deviations), parsed.GetValue(epsilon));
                return new(
                    raster => new { Read = Batch.Used(reading, raster), Method = name, Deviations = sigmas,
                        Epsilon = added },
                    (raster, path, progress) =>
                    {
                        Normalisation normalisation;
                        try
                        {
                            normalisation = Fit(raster, name, sigmas, added, progress);
                        }
                        catch (InvalidOperationException e)
                        {
                            throw new RasterException(raster.Path, $"cannot be normalised: {e.Message}", e);
                        }
                        normalisation.Apply(raster, path, progress: share => progress(2 / 3.0 + share / 3));
                        return new { Normalisation = normalisation };
                    });
            });
    }

    private static Normalisation Fit(SarRaster raster, string method, double deviations, double? epsilon,
        Action<double> progress)
    {
        if (method == "sigma")
            return new NormalisationFit().Add(raster, share => progress(2 * share / 3)).Clipped(deviations,
                NormalisationScope.Scene);
        var added = epsilon
            ?? 1e-4 * new NormalisationFit().Add(raster, share => progress(share / 3)).Clipped().Mean;
        return new NormalisationFit(added).Add(raster, share =>
            progress((1 + share) / 3)).Log(NormalisationScope.Scene);
    }
}

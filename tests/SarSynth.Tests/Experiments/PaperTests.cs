// The papers' figures: numbers held against recorded ones, and the recorded file against the code.
using System.Text.Json.Nodes;
using SarSynth.Data;
using SarSynth.Evaluation;
using SarSynth.Experiments;
using SarSynth.Figures;
using SarSynth.Radar.Images;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Simulation;
using SarSynth.Tests.Support;

namespace SarSynth.Tests.Experiments;

public class PaperTests
{
    private static readonly PaperNumbers recorded = new(new(),
        [new("amplitude/KL, floor", 0.002, 0.1, 0.0005), new("noising/alpha_bar at step 1", 0.99915, 1e-4, 1e-6)]);

    [Theory]
    [InlineData(0.0020, NumberState.Same)]
    [InlineData(0.0026, NumberState.Same)]
    [InlineData(0.0028, NumberState.Differs)]
    [InlineData(0.0012, NumberState.Differs)]
    [InlineData(double.NaN, NumberState.Differs)]
    public void A_number_is_the_same_within_its_tolerance_alone(double found, NumberState state)
    {
        var compared = recorded.Compare([recorded.Numbers[0] with { Value = found }, recorded.Numbers[1]]);
        Assert.Equal([state, NumberState.Same], compared.Select(n => n.State));
    }

    [Fact]
    public void What_is_not_made_and_what_is_not_recorded_is_missing()
    {
        var compared = recorded.Compare([recorded.Numbers[0], new("glcm/energy, floor", 1, 0, 0)]);
        Assert.Equal(
            [(recorded.Numbers[0].Id, NumberState.Same), (recorded.Numbers[1].Id, NumberState.Missing),
                ("glcm/energy, floor", NumberState.Missing)], compared.Select(n => (n.Id, n.State)));
        Assert.Null(compared[1].Found);
        Assert.Null(compared[2].Recorded);
    }

    /// <summary>What needs no translation is made anew and held against the file that all others read.</summary>
    [Fact]
    public void The_recorded_file_is_of_this_code()
    {
        var file = KitJson.Read<PaperNumbers>(Path.Combine(TestData.Root, "notebooks", "recorded",
            PaperNumbers.FileName));
        Assert.Equal(new PaperSettings(), file.Settings);
        var made = PaperStudy.WithoutTranslation(file.Settings);
        var figures = made.Select(n => n.Id.Split('/')[0]).ToHashSet();
        Assert.Equal(["noising", "normalisation", "realism", "scales"], figures.Order());
        var compared = new PaperNumbers(file.Settings,
            [.. file.Numbers.Where(n => figures.Contains(n.Id.Split('/')[0]))]).Compare(made);
        Assert.DoesNotContain(compared, n => n.State != NumberState.Same);
        // Tolerances are the code's: a recorded one that is wider would pass what differs.
        Assert.Equal(made.Select(n => (n.Id, n.Relative, n.Absolute)),
            file.Numbers.Where(n => figures.Contains(n.Id.Split('/')[0])).Select(n => (n.Id, n.Relative, n.Absolute)));
        Assert.All(file.Numbers, n => Assert.True(n.Relative <= 0.5 && n.Absolute <= 0.05, n.Id));
    }

    /// <summary>The schedule of SDXL in closed form: betas are even in their roots from .00085 to .012.</summary>
    [Fact]
    public void The_noising_is_that_of_the_formula()
    {
        var (alpha, at) = (1.0, new Dictionary<int, double>());
        for (var t = 0; t < 1000; t++)
        {
            var root = Math.Sqrt(0.00085) + t / 999.0 * (Math.Sqrt(0.012) - Math.Sqrt(0.00085));
            at[t + 1] = alpha *= 1 - root * root;
        }
        var file = KitJson.Read<PaperNumbers>(Path.Combine(TestData.Root, "notebooks", "recorded",
            PaperNumbers.FileName));
        var noising = file.Numbers.Where(n => n.Id.StartsWith("noising/", StringComparison.Ordinal)).ToArray();
        Assert.Equal(5, noising.Length);
        Assert.All(noising, n => Assert.Equal(at[int.Parse(n.Id.Split(' ')[^1])], n.Value, 1e-5));
    }

    [Fact]
    public void Figures_are_numbered_from_one_and_every_one_of_them_has_numbers_or_says_why_not()
    {
        Assert.Equal(Enumerable.Range(1, PaperFigure.All.Count), PaperFigure.All.Select(f => f.Number));
        var file = KitJson.Read<PaperNumbers>(Path.Combine(TestData.Root, "notebooks", "recorded",
            PaperNumbers.FileName));
        // The comparison of strategies takes hours: its table is recorded as it is.
        Assert.Equal(PaperFigure.All.Select(f => f.Id).Where(id => id != "strategies").Order(),
            file.Numbers.Select(n => n.Id.Split('/')[0]).Distinct().Order());
        Assert.Contains("expected one of scales", Assert.Throws<ArgumentException>(() => PaperFigure.Of("x")).Message);
        Assert.All(PaperFigure.All, f => Assert.Contains(f.Words, new PaperStandings().ToHtml()));
    }

    /// <summary>Each level is held against its own sensor: what that sensor sees again comes to the floor.</summary>
    [Fact]
    public void A_level_of_the_cascade_is_held_against_what_its_sensor_sees()
    {
        var scenes = TruthScene.Unseen(2, 256);
        var asked = new List<(double Spacing, ulong Seed)>();
        var numbers = new List<PaperNumber>();
        var levels = PaperStudy.MakeCascade(scenes, (scene, sensor, seed) =>
        {
            asked.Add((sensor.GroundRangeSpacing, seed));
            var image = scene.SeenBy!(sensor, seed + 7);
            Assert.Equal(Math.Round(256 * 0.4 / sensor.GroundRangeSpacing), image.Rows);
            return image;
        }, 5, numbers);
        Assert.Equal([(1.6, 5), (1.6, 6), (0.8, 5), (0.8, 6), (0.4, 5), (0.4, 6)], asked);
        Assert.Equal(["160 cm", "80 cm", "40 cm"], levels.Select(l => l.Level));
        // Of one law: two draws of it.
        Assert.All(levels, l => Assert.InRange(l.Floor - l.Translated, -0.03, 0.03));
        Assert.All(levels, l => Assert.InRange(l.Floor, 0.8, 1));
        Assert.Equal(levels.SelectMany(l => new[] { l.Floor, l.Translated }), numbers.Select(n => n.Value));
        // The airborne sensor's own level is the true image.
        Assert.Equal(scenes[1].Airborne.Pixels, scenes[1].SeenBy!(Sensors.AirborneX040, null).Pixels);
        Assert.Equal(scenes[1].Again!(3).Pixels, scenes[1].SeenBy!(Sensors.AirborneX040, 3).Pixels);
        // Another scene agrees nowhere.
        Assert.All(PaperStudy.MakeCascade([scenes[0]], (_, sensor, _) => scenes[1].SeenBy!(sensor, 1), 5, []),
            l => Assert.InRange(l.Translated, -0.6, 0.6));
    }

    [Fact]
    public void A_recorded_comparison_of_strategies_is_drawn_and_told()
    {
        var folder = Directory.CreateTempSubdirectory("sarsynth-paper-").FullName;
        try
        {
            Assert.Null(PaperPlots.Strategies(folder));
            Assert.Contains("--recipe strategies", (string)PaperPlots.StrategiesTable(folder));
            static StrategyRow Row(string name, string paper, params double[] kl) => new(name, paper, kl.Length, 1000,
                SeedInterval.Of(kl), SeedInterval.Of(kl), SeedInterval.Of(kl), SeedInterval.Of(kl));
            new StrategyTable([Row(StrategyComparison.BaseName, "", 3.9), Row("unet-full+token", "best", 0.1, 0.2, 0.3),
                Row("token", "compared", 0.7)], 9, new(0.005, 0.25, 67), new(20, 40, 0.055, 0.3, 0.4, 67, 12))
                .Write(folder, new() { Strategies = [], Seeds = [1, 2, 3], Budget = new() { Steps = 1 } });

            var spec = JsonNode.Parse(PaperPlots.Strategies(folder)!.ToPlotlyJson())!;
            var bars = spec["data"]![0]!;
            Assert.Equal(["unet-full<br>+ token", "token"], bars["x"]!.AsArray().Select(x => (string?)x));
            Assert.Equal([0.2, 0.7], bars["y"]!.AsArray().Select(y => (double)y!));
            // Student's quantile of two degrees of freedom over root three; one run has no interval.
            var errors = bars["error_y"]!["array"]!.AsArray().Select(e => (double)e!).ToArray();
            Assert.Equal(4.302653 * 0.1 / Math.Sqrt(3), errors[0], 1e-5);
            Assert.Equal(0, errors[1]);
            Assert.Contains("the base as it is: 3.9", (string?)spec["layout"]!["title"]!["text"]);
            var html = ((ReportTable)PaperPlots.StrategiesTable(folder)).ToHtml();
            Assert.Contains("5 of 9 runs; other true tiles have 0.005, 0.250 and 67.00", html);
            Assert.Contains("unet-full+token (best)", html);
            Assert.Contains("<strong title=\"best\">0.200</strong></td><td>0.248</td>", html);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>The recorded table has the rows of the kit's recipe and all runs, and is README's.</summary>
    [Fact]
    public void The_recorded_strategies_are_those_of_the_recipe()
    {
        var file = Path.Combine(PaperPlots.RecordedFolder, "strategies.json");
        var recipe = KitJson.Read<StrategiesRecipe>(Path.Combine(TestData.Root, "data-manifests", "recipes",
            "strategies.json"));
        var table = KitJson.Read<StrategyTable>(file);
        Assert.Equal(recipe.Strategies.Select(s => s.Name).Prepend(StrategyComparison.BaseName),
            table.Rows.Select(r => r.Strategy));
        Assert.Equal(table.Expected, table.Finished);
        Assert.All(table.Rows, r => Assert.Equal(recipe.Seeds.Count, r.Runs));
        var readme = File.ReadAllText(Path.Combine(TestData.Root, "README.md"));
        Assert.All(table.Cells(), row => Assert.Contains("| " + string.Join(" | ", row) + " |", readme));
    }

    [Fact]
    public void Other_tiles_change_the_figures_that_they_can_and_say_so()
    {
        var folder = Directory.CreateTempSubdirectory("sarsynth-paper-").FullName;
        try
        {
            Assert.Contains("expected one of tiles",
                Assert.Throws<DirectoryNotFoundException>(() => PaperStudy.Changes(folder)).Message);
            var tiles = Path.Combine(folder, PaperStudy.TilesFolder);
            Directory.CreateDirectory(tiles);
            for (var i = 0; i < 6; i++)
            {
                var random = new Random(i);
                float[] speckle = [.. Enumerable.Range(0, 64 * 64)
                    .Select(_ => (float)Math.Sqrt(-Math.Log(1 - random.NextDouble())))];
                GeoTiff.Write(new AmplitudeImage(64, 64, speckle), Path.Combine(tiles, $"{i}.tif"));
                File.WriteAllText(Path.Combine(tiles, $"{i}.txt"), "speckle");
            }
            Assert.Equal(3, PaperStudy.Changes(folder).Count);
            Assert.DoesNotContain("images that", PaperStudy.Changes(folder)[0]);
            var image = new AmplitudeImage(8, 8, new float[64]);
            var before = new PaperStudy
            {
                Settings = new(), Scales = [], Scenes = [], Candidates = [], Realism = (image, image, image),
                Schedule = SarSynth.Diffusion.Samplers.NoiseSchedule.Create(), Truth = new("", []), Judged = [],
                Texture = [], Cascade = [], Large = (image, image),
                Numbers = [new("scales/x", 1, 0, 0), new("amplitude/KL, floor", 1, 0, 0)],
            };
            var after = before.On(folder, count: 3);
            Assert.Equal("scales/x", after.Numbers[0].Id);
            Assert.Equal(["other tiles"], after.Judged.Select(c => c.Name));
            // Speckle of one law against itself, 3 x 4096 pixels each.
            Assert.InRange(after.Numbers.Single(n => n.Id == "amplitude/KL, other tiles").Value, 0, 0.03);
            // exp(-(mu + 3 sigma)²) of Rayleigh's law: 0.56 %; clipped tiles are clipped at their own.
            Assert.InRange(after.Numbers.Single(n => n.Id == "normalisation/clipped, %").Value, 0, 0.8);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}

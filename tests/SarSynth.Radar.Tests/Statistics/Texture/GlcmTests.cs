using System.Text.Json;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Statistics;
using SarSynth.Tests.Support;
using static SarSynth.Radar.Tests.Statistics.Goldens;

namespace SarSynth.Radar.Tests.Statistics;

public class GlcmTests
{
    private const int Rows = 70, Columns = 53, Levels = 16;
    private static readonly byte[] Grey = File.ReadAllBytes(TestData.Golden("statistics/grey16.u8"));
    private static readonly JsonElement Golden = Json("glcm");

    // The image and the matrices of scikit-image's documentation.
    private static readonly byte[] Documented = [0, 0, 1, 1, 0, 0, 1, 1, 0, 2, 2, 2, 2, 2, 3, 3];

    [Fact]
    public void Documented_matrices_are_reproduced()
    {
        var all = Glcm.Compute(Documented, 4, 4, 4, [1.0], Glcm.FourAngles, symmetric: false);
        long[][] expected =
        [
            [2, 2, 1, 0, 0, 2, 0, 0, 0, 0, 3, 1, 0, 0, 0, 1],
            [1, 1, 3, 0, 0, 1, 1, 0, 0, 0, 0, 2, 0, 0, 0, 0],
            [3, 0, 2, 0, 0, 2, 2, 0, 0, 0, 1, 2, 0, 0, 0, 0],
            [2, 0, 0, 0, 1, 1, 2, 0, 0, 0, 2, 1, 0, 0, 0, 0],
        ];
        for (int a = 0; a < 4; a++)
            Assert.Equal(expected[a], Enumerable.Range(0, 16).Select(k => all[0, a].Count(k / 4, k % 4)));
        var contrast = Glcm.Compute(Documented, 4, 4, 4, [1.0, 2.0], [0, Math.PI / 2]);
        Assert.Equal([7 / 12.0, 1, 1.25, 2.75], contrast.Cast<Cooccurrence>()
            .Select(c => Math.Round(c.Features()[GlcmFeature.Contrast], 12)).ToArray(), (a, b) =>
            Math.Abs(a - b) < 1e-9);
    }

    [Fact]
    public void Features_equal_scikit_image_and_their_definitions()
    {
        var weights = Enumerable.Range(0, 256).Select(k => (double)(k % 97 + 1)).ToArray();
        foreach (var c in Golden.GetProperty("cases").EnumerateArray())
        {
            var m = Glcm.Compute(Grey, Rows, Columns, Levels, c.Number("distance"), c.Number("angle"),
                c.GetProperty("symmetric").GetBoolean());
            Assert.Equal(c.Number("total"), m.Total);
            Assert.Equal(c.Number("checksum"), Enumerable.Range(0, 256).Sum(k => weights[k] * m.Count(k / 16, k % 16)));
            var f = m.Features();
            var p = c.GetProperty("properties");
            Close(p.Number("contrast"), f[GlcmFeature.Contrast], 1e-9);
            Close(p.Number("dissimilarity"), f[GlcmFeature.Dissimilarity], 1e-9);
            Close(p.Number("homogeneity"), f[GlcmFeature.Homogeneity], 1e-9);
            Close(p.Number("ASM"), f[GlcmFeature.AngularSecondMoment], 1e-9);
            Close(p.Number("energy"), f[GlcmFeature.Energy], 1e-9);
            Close(p.Number("correlation"), f[GlcmFeature.Correlation], 1e-9);
            if (c.GetProperty("haralick").ValueKind == JsonValueKind.Null)
                continue;
            foreach (var h in c.GetProperty("haralick").EnumerateObject())
            {
                double found = h.Name == "MaximalCorrelation" ? m.MaximalCorrelation()
                    : f[Enum.Parse<GlcmFeature>(h.Name)];
                Close(h.Value.GetDouble(), found, 1e-9, h.Name);
            }
        }
    }

    [Fact]
    public void All_features_are_covered_by_the_goldens()
    {
        var names = Golden.GetProperty("cases")[0].GetProperty("haralick").EnumerateObject().Select(p => p.Name);
        Assert.Empty(Enum.GetNames<GlcmFeature>().Except(names));
    }

    [Fact]
    public void Mask_counts_pairs_with_both_pixels_inside()
    {
        var mask = Array.ConvertAll(File.ReadAllBytes(TestData.Golden("statistics/mask.u8")), b => b != 0);
        var m = Glcm.Compute(Grey, Rows, Columns, Levels, 1, 3 * Math.PI / 4, symmetric: false, mask);
        for (int i = 0; i < 16; i++)
            for (int j = 0; j < 16; j++)
                Assert.Equal(Golden.GetProperty("masked_135")[i][j].GetInt64(), m.Count(i, j));
        var none = Glcm.Compute(Grey, Rows, Columns, Levels, mask: new bool[Grey.Length]);
        Assert.Equal(0, none.Total);
        Assert.All(none.Features().Values.Values, v => Assert.True(double.IsNaN(v)));
        Assert.True(double.IsNaN(none.MaximalCorrelation()));
    }

    [Fact]
    public void Maps_equal_scikit_image_window_by_window()
    {
        double[] angles = [.. Glcm.FourAngles, -0.7];
        foreach (var feature in Enum.GetValues<GlcmFeature>())
        {
            var map = Glcm.Map(Grey, Rows, Columns, Levels, 11, feature, 2, angles);
            var asymmetric = Glcm.Map(Grey, Rows, Columns, Levels, 11, feature, 2, [-0.7], symmetric: false);
            foreach (var p in Golden.GetProperty("maps_window11_distance2").EnumerateArray())
            {
                int i = p.GetProperty("point")[0].GetInt32() * Columns + p.GetProperty("point")[1].GetInt32();
                // float's own rounding, and its cancellation in shade
                Close(p.Number("mean", feature.ToString()), map[i], 2e-6, feature.ToString());
                Close(p.Number("asymmetric", feature.ToString()), asymmetric[i], 2e-6, feature.ToString());
            }
        }
    }

    [Fact]
    public void Large_images_and_many_levels_count_as_the_plain_loop()
    {
        var random = new Random(3);
        const int rows = 211, columns = 307;
        var bytes = new byte[rows * columns];
        random.NextBytes(bytes);
        var wide = Array.ConvertAll(bytes, b => (ushort)(b * 3));
        var narrow = Glcm.Compute(bytes, rows, columns, 256, [3.0], [2.0], symmetric: false)[0, 0];
        var many = Glcm.Compute(wide, rows, columns, 800, [3.0], [2.0], symmetric: false)[0, 0];
        int down = (int)Math.Round(3 * Math.Sin(2)), right = (int)Math.Round(3 * Math.Cos(2));
        var expected = new Dictionary<(int, int), long>();
        for (int y = 0; y < rows - down; y++)
            for (int x = -right; x < columns; x++)
            {
                var key = ((int)bytes[y * columns + x], (int)bytes[(y + down) * columns + x + right]);
                expected[key] = expected.GetValueOrDefault(key) + 1;
            }
        Assert.Equal(expected.Values.Sum(), narrow.Total);
        foreach (var ((i, j), n) in expected)
        {
            Assert.Equal(n, narrow.Count(i, j));
            Assert.Equal(n, many.Count(3 * i, 3 * j));
        }
    }

    [OptionalDataFact(RealData.Envisat)]
    public void Real_image_gives_the_recorded_features()
    {
        var reference = JsonDocument.Parse(File.ReadAllText(TestData.Optional("sar/reference.json")))
            .RootElement.GetProperty("envisat_slc");
        var amplitude = RealData.EnvisatPixels()
            .Select(s => (double)MathF.Sqrt(s.Real * s.Real + s.Imaginary * s.Imaginary)).ToArray();
        double[] block = [.. Enumerable.Range(0, 256 * 256).Select(i => amplitude[i / 256 * 500 + i % 256])];
        double mean = block.Average(), deviation = Math.Sqrt(block.Average(a => (a - mean) * (a - mean)));
        var grey = new byte[256 * 256];
        for (int i = 0; i < grey.Length; i++)
        {
            double a = Math.Clamp(block[i] / (mean + 3 * deviation), 0, 1);
            grey[i] = (byte)(Math.Floor(255 * a + 0.5) / 8);
        }
        var expected = reference.GetProperty("glcm_levels32_d1_angles_0_45_90_135");
        var found = Glcm.Compute(grey, 256, 256, 32, [1.0], Glcm.FourAngles);
        for (int a = 0; a < 4; a++)
        {
            var f = found[0, a].Features();
            Close(expected.GetProperty("contrast")[a].GetDouble(), f[GlcmFeature.Contrast], 1e-9);
            Close(expected.GetProperty("dissimilarity")[a].GetDouble(), f[GlcmFeature.Dissimilarity], 1e-9);
            Close(expected.GetProperty("homogeneity")[a].GetDouble(), f[GlcmFeature.Homogeneity], 1e-9);
            Close(expected.GetProperty("ASM")[a].GetDouble(), f[GlcmFeature.AngularSecondMoment], 1e-9);
            Close(expected.GetProperty("energy")[a].GetDouble(), f[GlcmFeature.Energy], 1e-9);
            Close(expected.GetProperty("correlation")[a].GetDouble(), f[GlcmFeature.Correlation], 1e-9);
        }
    }

    [Fact]
    public void Quantisation_clips_and_marks_missing_pixels()
    {
        var mask = new bool[5];
        Assert.Equal([0, 0, 2, 3, 0], Glcm.Quantise([-1, 0, 0.5f, 7, float.NaN], 4, 0, 1, mask));
        Assert.Equal([true, true, true, true, false], mask);
        Assert.Throws<ArgumentException>(() => Glcm.Quantise([float.NaN], 4, 0, 1));
        Assert.Throws<ArgumentException>(() => Glcm.Quantise([1], 1, 0, 1));
        Assert.Throws<ArgumentException>(() => Glcm.Quantise([1], 4, 1, 1));
    }

    [Fact]
    public void Constants_and_bad_input()
    {
        var f = Glcm.Compute(new byte[25], 5, 5, 4).Features();
        Assert.Equal(1, f[GlcmFeature.Correlation]);
        Assert.Equal(0, f[GlcmFeature.Entropy]);
        Assert.Equal(0, f[GlcmFeature.InformationCorrelation1]);
        Assert.Equal(1, f[GlcmFeature.MaximumProbability]);
        Assert.Equal(0, Glcm.Compute([3], 1, 1, 4).Total);
        Assert.Equal(0, Glcm.Compute(new byte[6], 2, 3, 4, 5).Total);
        Assert.Contains("grey level of 9", Assert.Throws<ArgumentException>(() => Glcm.Compute([1, 9], 1, 2, 4))
            .Message);
        Assert.Throws<ArgumentException>(() => Glcm.Compute([1, 2], 1, 3, 4));
        Assert.Throws<ArgumentException>(() => Glcm.Compute([], 0, 0, 4));
        Assert.Throws<ArgumentException>(() => Glcm.Compute([1, 2], 1, 2, 4, distance: 0));
        Assert.Throws<ArgumentException>(() => Glcm.Compute([1, 2], 1, 2, 4, angle: double.NaN));
        Assert.Throws<ArgumentException>(() => Glcm.Compute([1, 2], 1, 2, 4, mask: [true]));
        Assert.Throws<ArgumentException>(() => Glcm.Map(Grey, Rows, Columns, Levels, 3, GlcmFeature.Contrast, 4));
        Assert.Throws<ArgumentException>(() => Glcm.Map(Grey, Rows, Columns, Levels, 4, GlcmFeature.Contrast));
        Assert.Throws<ArgumentException>(() => Glcm.Map(Grey, Rows, Columns, 8, 5, GlcmFeature.Contrast));
        Assert.Equal(9, Glcm.Map(new byte[9], 3, 3, 2, 31, GlcmFeature.Entropy).Length);
    }
}

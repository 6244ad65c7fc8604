// What a translation adds to the mean: the residual that diffusion draws, or texture without form where a model has
// none; either moves power about and makes none.
using SarSynth.Diffusion.Tiling;
using SarSynth.Radar.Simulation;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Translation;

/// <summary>Draws for windows of one scene; what is drawn at a place hangs on seed and place.</summary>
internal sealed class MeanTexture
{
    private readonly TranslateRecipe recipe;
    private readonly ResidualField? residual;
    private readonly MeanField mean;
    private readonly PositionalNoise start;
    private readonly CorrelatedField field;
    private readonly double noise;
    private readonly int scale, margin;
    private float[][] lines = [];
    private (int Top, int Height) held = (-1, -1);

    /// <summary>Begins a scene.</summary>
    /// <param name="recipe">Seed, steps, factor.</param>
    /// <param name="mean">The mean network.</param>
    /// <param name="residual">The diffusion; null for texture without form.</param>
    /// <param name="noise">The airborne sensor's noise.</param>
    /// <param name="scale">Fine pixels per satellite pixel.</param>
    /// <param name="columns">Satellite columns, the margins not among them.</param>
    /// <param name="margin">Satellite pixels above and left of the scene.</param>
    public MeanTexture(TranslateRecipe recipe, MeanField mean, ResidualField? residual, double noise, int scale,
        int columns, int margin)
    {
        (this.recipe, this.mean, this.residual, this.noise, this.scale, this.margin) = (recipe, mean, residual, noise,
            scale, margin);
        start = new(recipe.Seed);
        // The margin is part of the field: windows over it see it go on.
        field = new(recipe.Seed, "texture", (columns + 4 * margin) * scale, mean.TextureLength);
    }

    /// <summary>ln of the intensity of windows with what is drawn, without the airborne noise; of a residual also ln of
    /// the intensity around each pixel.</summary>
    /// <param name="windows">Where, of the scene with a margin around it.</param>
    /// <param name="made">What the mean network made: satellite image, ln mean, spread.</param>
    /// <param name="logMean">ln mean as it is to be on the whole [n, 1, H k, W k].</param>
    /// <param name="conditions">[n, 3] of <see cref="SatelliteFacts.Values"/>.</param>
    /// <param name="cancel">Ends between steps.</param>
    public Tensor On(IReadOnlyList<TileWindow> windows, (Tensor Input, Tensor LogMean, Tensor Spread) made,
        Tensor logMean, Tensor conditions, CancellationToken cancel)
    {
        using var scope = NewDisposeScope();
        if (residual is null)
        {
            var texture = made.Spread.Times(recipe.Texture).mul(Field(windows, logMean.device).reshape(logMean.shape));
            return Textured(logMean, texture).MoveToOuterDisposeScope();
        }
        var seen = MeanField.WithNoise(made.LogMean, noise);
        var told = residual.Told(mean.OfLogIntensity(seen), made.Spread, made.Input);
        var n = residual.Draw(Start(windows, seen.device), told, conditions,
            recipe.Steps ?? TranslateRecipe.ResidualSteps, cancel);
        var intensity = seen.Plus(made.Spread.mul(n.sub(made.Spread.Over(2))).Times(recipe.Texture)).exp();
        var power = MeanField.WithNoise(logMean, noise).exp();
        var drawn = MeanPower.Held(intensity, power, made.Spread, scale).Minus(noise);
        return cat([drawn, MeanPower.Around(drawn, scale)], 1).Clamped(noise / 1000, double.PositiveInfinity).log()
            .MoveToOuterDisposeScope();
    }

    // Texture moves power about, over a satellite pixel or two; how much there is, the mean says.
    private static Tensor Textured(Tensor logMean, Tensor texture)
    {
        var textured = logMean.Plus(texture);
        return textured.Plus(Smooth(logMean.exp()).log()).sub(Smooth(textured.exp()).log());

        static Tensor Smooth(Tensor image) => Box(Box(image));

        static Tensor Box(Tensor image) => nn.functional.avg_pool2d(image, [5, 5], stride: [1, 1], padding: [2, 2],
            count_include_pad: false);
    }

    private Tensor Start(IReadOnlyList<TileWindow> windows, Device device) => cat([.. windows.Select(w =>
        start.Window(PositionalNoise.InitialStep, scale * scale, w.Top - margin, w.Left - margin, w.Height, w.Width))])
        .to(device);

    private Tensor Field(IReadOnlyList<TileWindow> windows, Device device)
    {
        var (height, across) = (windows[0].Height * scale, windows[0].Width * scale);
        var values = new float[windows.Count * height * across];
        for (var i = 0; i < windows.Count; i++)
        {
            var (top, left) = (windows[i].Top * scale, windows[i].Left * scale);
            if (held != (top, height))
                lines = [.. Enumerable.Range(top - margin * scale, height).Select(field.Line)];
            held = (top, height);
            for (var r = 0; r < height; r++)
                lines[r].AsSpan(left, across).CopyTo(values.AsSpan((i * height + r) * across));
        }
        return tensor(values, device: device);
    }
}

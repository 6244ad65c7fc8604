// What is looked at while a foundation is trained: pictures of fixed prompts and
// seeds, and a pipeline to use meanwhile.
using System.Globalization;
using System.Text;
using SarSynth.Diffusion.Pipelines;
using SarSynth.Radar.Images;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.FineTuning;

/// <summary>Looks at the model as it stands, with whatever weights its parameters have.</summary>
internal sealed class FoundationLooks(FoundationRecipe recipe, LatentDiffusion model, string folder)
{
    /// <summary>One picture for each prompt, side by side, as samples.png.</summary>
    public void Samples()
    {
        if (recipe.Validation.Prompts is not { Count: > 0 } prompts)
            return;
        var side = recipe.Denoiser.Tile;
        var panel = new float[side * side * prompts.Count];
        foreach (var (i, prompt) in prompts.Index())
        {
            var grey = Picture(prompt, (ulong)i, side);
            for (var r = 0; r < side; r++)
                grey.AsSpan(r * side, side).CopyTo(panel.AsSpan((r * prompts.Count + i) * side));
        }
        Directory.CreateDirectory(folder);
        QuickLook.Write(new AmplitudeImage(side, side * prompts.Count, panel), Path.Combine(folder, "samples.png"),
            new FixedRemap(1));
    }

    /// <summary>The pipeline as folder "snapshot", replacing the one before.</summary>
    public void Snapshot()
    {
        var (to, beside) = (Path.Combine(folder, "snapshot"), Path.Combine(folder, "snapshot.new"));
        if (Directory.Exists(beside))
            Directory.Delete(beside, recursive: true);
        model.Save(beside, type: ScalarType.Float16);
        if (Directory.Exists(to))
            Directory.Delete(to, recursive: true);
        Directory.Move(beside, to);
    }

    private float[] Picture(string prompt, ulong number, int side)
    {
        using var noGradients = no_grad();
        using var scope = NewDisposeScope();
        var image = model.Generate(new GenerationRequest
        {
            Text = prompt, Seed = recipe.Seed + number, Steps = recipe.Validation.Steps,
            Guidance = new Guidance(recipe.Validation.Guidance), Height = side, Width = side,
        });
        return image.mean([1]).cpu().contiguous().data<float>().ToArray();
    }
}

/// <summary>The card of a trained foundation.</summary>
internal static class FoundationCard
{
    /// <summary>README.md: what it is, what it was trained on, what it is for.</summary>
    public static string Of(FoundationRecipe recipe, LatentDiffusion model, IReadOnlyList<string> weights)
    {
        long Count(torch.nn.Module? module) => module?.parameters().Sum(p => p.numel()) ?? 0;
        var text = new StringBuilder();
        void Line(FormattableString line) => text.Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');
        Line($"# sarsynth-{recipe.Name}");
        Line($"");
        Line($"A latent diffusion model of SDXL's form, small: autoencoder, two text encoders, UNet with size");
        Line($"conditioning. It was trained from nothing on grey renders of simulated scenes, lit by a sun and");
        Line($"without any radar: it has seen shapes and words, no SAR. It stands for a foundation model where");
        Line($"fine-tuning strategies are tried and compared; it is no model for use.");
        Line($"");
        Line($"| part | parameters |");
        Line($"| --- | ---: |");
        Line($"| vae | {Count(model.Vae)} |");
        Line($"| text_encoder | {Count(model.Prompts.Encoder)} |");
        Line($"| text_encoder_2 | {Count(model.Prompts.Encoder2)} |");
        Line($"| unet | {Count(model.Unet)} |");
        Line($"");
        Line($"- Weights: float16, {weights.Sum(w => new FileInfo(w).Length) / 1e6:F1} MB.");
        var (size, spacings) = (recipe.Data.Size, string.Join(", ", recipe.Data.Spacings));
        Line($"- Data: {recipe.Data.Scenes - recipe.Data.Validation} rendered scenes of {size} x {size} pixels of");
        Line($"  {spacings} m, seeds from {recipe.Data.Seed};");
        Line($"  {recipe.Data.Validation} more for validation. Every render and caption is synthetic.");
        Line($"- Steps: autoencoder {recipe.Autoencoder.Steps} of {recipe.Autoencoder.Batch} tiles, denoiser");
        Line($"  {recipe.Denoiser.Steps} of {recipe.Denoiser.Batch}; tiles of {recipe.Denoiser.Tile} pixels.");
        Line($"- Made by `./sarsynth train --recipe {recipe.Name}`; losses in losses.csv, recipe and versions in");
        Line($"  training.provenance.json.");
        Line($"- Licence: MIT, as the kit.");
        return text.ToString();
    }
}

// How well a SAR image and words go together, by a CLIP: one trained by the kit, or any in transformers' layout.
using System.Text.Json.Nodes;
using SarSynth.Diffusion;
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Diffusion.Models;
using SarSynth.Diffusion.Tokenizers;
using SarSynth.Diffusion.Training;
using SarSynth.Radar.Images;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Evaluation;

/// <summary>A contrastive image-text model.</summary>
/// <param name="Clip">The networks.</param>
/// <param name="Tokenizer">Words to tokens.</param>
/// <param name="Mean">What is taken off an amplitude of 0 to 1.</param>
/// <param name="Deviation">What it is divided by then.</param>
public sealed record SarTextModel(CLIPModel Clip, ClipTokenizer Tokenizer, double Mean, double Deviation) : IDisposable
{
    private const string PreprocessorFile = "preprocessor_config.json";
    private const int Chunk = 64;

    /// <summary>Opens a folder: config.json, model.safetensors, the tokenizer's files, preprocessor_config.json.
    /// </summary>
    /// <param name="folder">The folder.</param>
    /// <param name="device">Where it computes; null chooses.</param>
    /// <exception cref="CheckpointException">A file is missing or broken.</exception>
    public static SarTextModel Load(string folder, Device? device = null)
    {
        var path = Path.Combine(folder, PreprocessorFile);
        double Of(string field, double otherwise)
        {
            if (!File.Exists(path))
                return otherwise;
            try
            {
                // Grey images: the mean over the channels.
                return JsonNode.Parse(File.ReadAllText(path))?[field]?.AsArray().Average(v => (double)v!) ?? otherwise;
            }
            catch (Exception e) when (e is System.Text.Json.JsonException or InvalidOperationException)
            {
                throw new CheckpointException(path, $"field '{field}': {e.Message}", e);
            }
        }
        var options = new WeightOptions(Device: device ?? ComputeDevice.Find(ComputeDevice.Auto),
            Type: ScalarType.Float32);
        return new(ModelFolder.Load<CLIPModel>(folder, options), ClipTokenizer.Load(folder), Of("image_mean", 0.5),
            Of("image_std", 0.5));
    }

    /// <summary>Writes the folder; config.json comes last.</summary>
    public void Save(string folder)
    {
        Tokenizer.Save(folder);
        JsonArray Each(double value) => [.. Enumerable.Repeat((JsonNode)value, Clip.Config.Vision.NumChannels)];
        var side = Clip.Config.Vision.ImageSize;
        AtomicFile.WriteText(Path.Combine(folder, PreprocessorFile), new JsonObject
        {
            ["image_processor_type"] = "CLIPImageProcessor", ["do_rescale"] = false, ["do_normalize"] = true,
            ["image_mean"] = Each(Mean), ["image_std"] = Each(Deviation),
            ["size"] = new JsonObject { ["shortest_edge"] = side },
        }.ToJsonString(new System.Text.Json.JsonSerializerOptions { WriteIndented = true }) + "\n");
        ModelFolder.Save(Clip, folder);
    }

    /// <summary>Cosines of images with texts.</summary>
    /// <param name="images">Amplitudes from 0 to 1, square; another size than the model's is resampled.</param>
    /// <param name="texts">The texts.</param>
    /// <returns>[images, texts], -1 to 1.</returns>
    /// <exception cref="ArgumentException">No image or no text, an image that is not square or not within 0 to 1.
    /// </exception>
    public double[,] Cosines(IReadOnlyList<AmplitudeImage> images, IReadOnlyList<string> texts)
    {
        if (images.Count == 0 || texts.Count == 0)
            throw new ArgumentException($"found {images.Count} images and {texts.Count} texts, expected one or more.");
        using var noGradients = no_grad();
        using var scope = NewDisposeScope();
        var ofImages = cat([.. images.Chunk(Chunk).Select(c => Clip.get_image_features(Pixels(c)))]);
        var ofTexts = cat([.. texts.Chunk(Chunk).Select(c => Clip.get_text_features(Ids(c)))]);
        var cosines = ContrastiveLoss.Cosines(ofImages, ofTexts).cpu().data<float>().ToArray();
        var result = new double[images.Count, texts.Count];
        for (var i = 0; i < cosines.Length; i++)
            result[i / texts.Count, i % texts.Count] = cosines[i];
        return result;
    }

    /// <summary>Features of images, of norm sqrt(length): their products over the length are cosines.</summary>
    /// <param name="images">As of <see cref="Cosines"/>.</param>
    internal IReadOnlyList<double[]> Features(IReadOnlyList<AmplitudeImage> images)
    {
        using var noGradients = no_grad();
        using var scope = NewDisposeScope();
        var features = cat([.. images.Chunk(Chunk).Select(c => Clip.get_image_features(Pixels(c)))]).cpu();
        var length = (int)features.shape[1];
        return [.. features.data<float>().ToArray().Chunk(length).Select(v =>
        {
            var norm = Math.Sqrt(v.Average(x => (double)x * x));
            return Array.ConvertAll(v, x => x / Math.Max(norm, 1e-12));
        })];
    }

    /// <summary>Mean cosine of images and the text of each, x 100.</summary>
    /// <param name="images">Amplitudes from 0 to 1.</param>
    /// <param name="texts">As many.</param>
    public double Score(IReadOnlyList<AmplitudeImage> images, IReadOnlyList<string> texts)
    {
        RequireEqual(images.Count, texts.Count);
        var cosines = Cosines(images, texts);
        return 100 * Enumerable.Range(0, images.Count).Average(i => cosines[i, i]);
    }

    /// <summary>How often images find their own text among all different texts.</summary>
    /// <param name="images">Amplitudes from 0 to 1.</param>
    /// <param name="texts">The text of each; equal ones count as one.</param>
    public RetrievalResult Retrieve(IReadOnlyList<AmplitudeImage> images, IReadOnlyList<string> texts)
    {
        RequireEqual(images.Count, texts.Count);
        var different = texts.Distinct(StringComparer.Ordinal).ToList();
        return Rank(Cosines(images, different), [.. texts.Select(t => different.IndexOf(t))]);
    }

    /// <summary>Retrieval from cosines.</summary>
    /// <param name="cosines">[images, captions].</param>
    /// <param name="own">Which caption is each image's own.</param>
    internal static RetrievalResult Rank(double[,] cosines, IReadOnlyList<int> own)
    {
        var (images, captions) = (cosines.GetLength(0), cosines.GetLength(1));
        // How many captions are as near as the own one or nearer, itself not counted: ties are no success.
        var before = own.Select((o, i) =>
            Enumerable.Range(0, captions).Count(c => c != o && cosines[i, c] >= cosines[i, o])).ToList();
        double Within(int k) => before.Count(b => b < k) / (double)images;
        var score = own.Select((o, i) => cosines[i, o]).Average();
        var others = captions == 1 ? double.NaN : own.Select((o, i) =>
            Enumerable.Range(0, captions).Where(c => c != o).Average(c => cosines[i, c])).Average();
        return new(images, captions, Within(1), Within(5), Within(10), 100 * score, 100 * others);
    }

    /// <summary>Tokens of texts, [texts, length].</summary>
    internal Tensor Ids(IReadOnlyList<string> texts)
    {
        long[] ids = [.. texts.SelectMany(t => Tokenizer.EncodePadded(t).Ids)];
        return tensor(ids, ScalarType.Int64, CPU).reshape(texts.Count, -1).to(Clip.Device);
    }

    /// <summary>What the image encoder takes, [images, channels, side, side].</summary>
    internal Tensor Pixels(IReadOnlyList<AmplitudeImage> images)
    {
        using var scope = NewDisposeScope();
        long side = Clip.Config.Vision.ImageSize;
        var each = images.Select(image =>
        {
            if (image.Rows != image.Columns || image.Pixels.Any(p => !(p >= 0 && p <= 1)))
                throw new ArgumentException(FormattableString.Invariant($"image: found {image.Rows} x {image.Columns} ")
                    + "pixels, expected a square of amplitudes from 0 to 1: A / (mu + 3 sigma).");
            var pixels = tensor(image.Pixels, device: CPU).reshape(1, 1, image.Rows, image.Columns);
            return image.Rows == side ? pixels
                : nn.functional.interpolate(pixels, size: [side, side], mode: InterpolationMode.Area);
        });
        return cat([.. each]).Minus(Mean).Over(Deviation).repeat(1, Clip.Config.Vision.NumChannels, 1, 1)
            .to(Clip.Device).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public void Dispose() => Clip.Dispose();

    private static void RequireEqual(int images, int texts)
    {
        if (images != texts)
            throw new ArgumentException($"found {images} images and {texts} texts, expected as many of both.");
    }
}

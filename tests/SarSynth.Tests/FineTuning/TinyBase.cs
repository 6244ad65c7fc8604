using System.Text.Json;
using SarSynth.Data;
using SarSynth.Diffusion.Models;
using SarSynth.Diffusion.Pipelines;
using SarSynth.Diffusion.Samplers;
using SarSynth.Diffusion.Tokenizers;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;
using static TorchSharp.torch;

namespace SarSynth.Tests.FineTuning;

/// <summary>
/// A pipeline of SDXL's form and the smallest size, with random weights, and a folder of tiles for it.
/// </summary>
internal static class TinyBase
{
    public const int Size = 32;

    /// <summary>
    /// Writes the pipeline as diffusers has it: two text encoders, size conditioning, three-channel images.
    /// </summary>
    public static string Write(string folder)
    {
        manual_seed(5);
        var tokenizer = ClipTokenizer.Train(["an aerial radar image of a field, a road and water"], 540);
        CLIPTextConfig Text(int width) => new()
        {
            VocabSize = tokenizer.VocabularySize, HiddenSize = width, IntermediateSize = 2 * width,
                ProjectionDim = width,
            NumHiddenLayers = 2, NumAttentionHeads = 2, BosTokenId = tokenizer.BeginId, EosTokenId = tokenizer.EndId,
            PadTokenId = tokenizer.PadId,
        };
        using var model = new LatentDiffusion
        {
            Unet = new UNet2DConditionModel(new UNet2DConditionConfig
            {
                SampleSize = 16, BlockOutChannels = [16, 32], NormNumGroups = 8, LayersPerBlock = 1,
                DownBlockTypes = ["DownBlock2D", "CrossAttnDownBlock2D"],
                    UpBlockTypes = ["CrossAttnUpBlock2D", "UpBlock2D"],
                AttentionHeadDim = new[] { 2, 4 }, CrossAttentionDim = 48, UseLinearProjection = true,
                AdditionEmbedType = "text_time", AdditionTimeEmbedDim = 8, ProjectionClassEmbeddingsInputDim = 32
                    + 6 * 8,
            }),
            Vae = new AutoencoderKL(new AutoencoderKLConfig
            {
                BlockOutChannels = [16, 32], NormNumGroups = 8, LayersPerBlock = 1, LatentChannels = 4,
                DownBlockTypes = ["DownEncoderBlock2D", "DownEncoderBlock2D"],
                    UpBlockTypes = ["UpDecoderBlock2D", "UpDecoderBlock2D"],
            }),
            Prompts = new PromptEncoder(tokenizer, new CLIPTextModel(Text(16)), tokenizer,
                new CLIPTextModelWithProjection(Text(32))),
            Sampler = SamplerConfig.Parse("""
                {"_class_name": "EulerDiscreteScheduler", "beta_schedule": "scaled_linear", "beta_start": 0.00085,
                 "beta_end": 0.012, "num_train_timesteps": 1000, "prediction_type": "epsilon", "steps_offset": 1,
                 "timestep_spacing": "leading"}
                """, "scheduler"),
        };
        model.Save(folder);
        return folder;
    }

    /// <summary>
    /// An image folder with captions, a condition at a quarter of the resolution, class maps and parts.
    /// </summary>
    public static string WriteTiles(string folder, int train = 6, int validation = 2, int size = Size)
    {
        var random = new Random(3);
        foreach (var (part, count) in new[] { ("train", train), ("validation", validation) })
        {
            var at = Directory.CreateDirectory(Path.Combine(folder, part, "conditions")).Parent!.FullName;
            var lines = new List<string>();
            for (var i = 0; i < count; i++)
            {
                // Fields of two levels with single-look speckle: something a network can learn.
                var field = (i % 2 + 1) * 0.5f;
                GeoTiff.Write(new AmplitudeImage(size, size,
                    Amplitudes(size * size, p => p % size < size / 2 ? field : 2 * field)),
                    Path.Combine(at, $"{i}.tif"));
                GeoTiff.Write(new AmplitudeImage(size / 4, size / 4, Amplitudes(size * size / 16, _ => field)),
                    Path.Combine(at, "conditions", $"{i}-satellite.tif"));
                GeoTiff.Write(new AmplitudeImage(size, size,
                    [.. Enumerable.Range(0, size * size).Select(p => p % size < size / 2 ? 10f : 20f)]),
                    Path.Combine(at, "conditions", $"{i}-classes.tif"));
                lines.Add(JsonSerializer.Serialize(new
                {
                    file_name = $"{i}.tif", text = "an aerial radar image of " + (i % 2 == 0 ? "a field" : "water"),
                    satellite_file_name = $"conditions/{i}-satellite.tif",
                    classes_file_name = $"conditions/{i}-classes.tif",
                }));
            }
            File.WriteAllLines(Path.Combine(at, "metadata.jsonl"), lines);
        }
        return folder;

        float[] Amplitudes(int count, Func<int, float> mean) =>
            [.. Enumerable.Range(0, count)
                .Select(p => (float)(mean(p) * Math.Sqrt(-Math.Log(1 - random.NextDouble()))))];
    }
}

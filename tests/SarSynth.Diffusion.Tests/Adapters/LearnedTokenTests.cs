using SarSynth.Diffusion.Adapters;
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Diffusion.Models;
using SarSynth.Diffusion.Tokenizers;
using SarSynth.Diffusion.Training;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Tests.Adapters;

public sealed class LearnedTokenTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();
    private readonly string folder = Directory.CreateTempSubdirectory("token").FullName;
    private readonly ClipTokenizer tokenizer = ClipTokenizer.Train(["radar image of a forest"], 560);
    private readonly CLIPTextModel encoder = TinyModels.TextEncoder();

    public void Dispose()
    {
        encoder.Dispose();
        scope.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public void ANewWordStartsAsTheKnownOneAndTrainsAlone()
    {
        using var word = LearnedToken.Create("<sar>", tokenizer, encoder.TokenEmbedding, like: "forest");
        Goldens.Near("start", Encode("image of a <sar>"), Encode("image of a forest"), 1e-6);

        using var table = encoder.TokenEmbedding.weight!.detach().clone();
        foreach (var parameter in encoder.parameters())
            parameter.requires_grad_(false);
        var target = Encode("radar");
        var result = Trainer.Run(new TrainerOptions { Steps = 60, LearningRate = 0.05 },
            new Dictionary<string, Parameter> { ["<sar>"] = word.Vectors },
            _ => 0, (_, _) => (Encode("<sar>", gradients: true) - target).square().mean());
        Assert.True(result.LastLoss < 0.05 * (Encode("forest") - target).square().mean().ToDouble(),
            $"loss {result.LastLoss:g3}");
        Assert.Equal(0, Goldens.MaxError(encoder.TokenEmbedding.weight!.detach(), table));
    }

    [Fact]
    public void AFileIsReadBackAndBakedAndSaved()
    {
        var file = Path.Combine(folder, "sar.safetensors");
        Tensor expected;
        using (var made = LearnedToken.Create("<sar>", tokenizer, encoder.TokenEmbedding, like: "forest", vectors: 3))
        {
            using (no_grad())
                made.Vectors.copy_(randn([3, 24], generator: new Generator(5)));
            made.Save(file);
            Assert.Equal("a <sar> <sar>_1 <sar>_2, wide", made.Expand("a <sar>, wide"));
            expected = Encode(made.Expand("a <sar>"));
        }
        var other = ClipTokenizer.Train(["radar image of a forest"], 560);
        using var fresh = TinyModels.TextEncoder();
        using (var read = LearnedToken.Load(file, other, fresh.TokenEmbedding))
        {
            Goldens.Near("read", Encode(read.Expand("a <sar>"), fresh, other), expected, 1e-6);
            read.Bake();
        }
        Goldens.Near("baked", Encode("a <sar> <sar>_1 <sar>_2", fresh, other), expected, 1e-6);
    }

    [Fact]
    public void ATableTooSmallGrowsAndIsSavedWithItsNewSize()
    {
        // Give the word an id beyond the encoder's 1024 rows.
        var vocabulary = Enumerable.Range(0, 1022).ToDictionary(i => $"t{i}", i => i);
        vocabulary["<|startoftext|>"] = 1022;
        vocabulary["<|endoftext|>"] = 1023;
        var full = new ClipTokenizer(vocabulary, []);
        using var word = LearnedToken.Create("<sar>", full, encoder.TokenEmbedding, like: "<|endoftext|>");
        word.Bake();
        Assert.Equal(1025, encoder.TokenEmbedding.weight!.shape[0]);
        ModelFolder.Save(encoder, folder);
        using var read = ModelFolder.Load<CLIPTextModel>(folder);
        Assert.Equal(1025, read.Config.VocabSize);
    }

    [Fact]
    public void AWordThatIsATokenAlreadyIsRefusedByName()
    {
        Assert.Contains("'forest</w>'", Refused("forest</w>", 1));
        using var word = LearnedToken.Create("<sar>", tokenizer, encoder.TokenEmbedding, like: "forest", vectors: 2);
        Assert.Contains("'<sar>'", Refused("<sar>", 1));
        // The second embedding's word.
        tokenizer.AddToken("<sea>_1");
        Assert.Contains("'<sea>_1'", Refused("<sea>", 2));
        Assert.False(tokenizer.Contains("<sea>"));

        string Refused(string known, int vectors) => Assert.Throws<ArgumentException>(() =>
            LearnedToken.Create(known, tokenizer, encoder.TokenEmbedding, like: "radar", vectors)).Message;
    }

    [Fact]
    public void AFileOfSeveralEncodersTellsItsWordInItsMetadata()
    {
        var file = Path.Combine(folder, "two.safetensors");
        SafeTensors.Save(file, new Dictionary<string, Tensor> { ["clip_l"] = ones(2, 24), ["clip_g"] = ones(2, 32) },
            new Dictionary<string, string> { ["word"] = "<sar>" });
        using (var read = LearnedToken.Load(file, tokenizer, encoder.TokenEmbedding))
            Assert.Equal("<sar>", read.Word);
        using (var named = LearnedToken.Load(file, tokenizer, encoder.TokenEmbedding, "<other>"))
            Assert.Equal("<other>", named.Word);
        SafeTensors.Save(file, new Dictionary<string, Tensor> { ["clip_l"] = ones(2, 24) });
        Assert.Contains("does not name the word", Assert.Throws<CheckpointException>(() =>
            LearnedToken.Load(file, tokenizer, encoder.TokenEmbedding)).Message);
    }

    [Fact]
    public void AFileOfAnotherWidthIsRefused()
    {
        var file = Path.Combine(folder, "wide.safetensors");
        SafeTensors.Save(file, new Dictionary<string, Tensor> { ["<x>"] = zeros(1, 768) });
        Assert.Contains("width 24",
            Assert.Throws<CheckpointException>(() => LearnedToken.Load(file, tokenizer, encoder.TokenEmbedding))
            .Message);
    }

    private Tensor Encode(string text, bool gradients = false)
    {
        if (!gradients)
            return Encode(text, encoder, tokenizer);
        return encoder.forward(tensor(tokenizer.EncodePadded(text).Ids).unsqueeze(0)).LastHiddenState;
    }

    private static Tensor Encode(string text, CLIPTextModel model, ClipTokenizer with)
    {
        using var noGradients = no_grad();
        return model.forward(tensor(with.EncodePadded(text).Ids).unsqueeze(0)).LastHiddenState;
    }
}

using System.Diagnostics;
using System.Text.Json.Nodes;
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Tests.Support;
using TorchSharp;

namespace SarSynth.Cli.Tests;

public sealed class FinetuneTests : Shell
{
    private static readonly string embedded = Path.Combine(TestData.Root, "data-manifests", "embedded");

    private static string[] Command(params string[] more) =>
        ["finetune", "--base", "sarsynth-small", "--data", Path.Combine(embedded, "paired-scenes"), "--crop", "64",
            "--steps", "2", "--device", "cpu", "--threads", "1", .. more];

    [Fact]
    public void ALoraComesOutOfTheKitsOwnScenes()
    {
        var (output, _) = Good(Command("--strategy", "lora", "--rank", "4", "-o", "out"));
        Assert.Contains("pytorch_lora_weights.safetensors", output);
        using var lora = SafeTensorsFile.Open(In("out/pytorch_lora_weights.safetensors"));
        Assert.All(lora.Header.Entries.Where(e => e.Name.EndsWith("lora_A.weight")), e => Assert.Equal(4, e.Shape[0]));
        // UNet and text encoder in the one file that diffusers looks for.
        Assert.Equal(["text_encoder", "unet"],
            lora.Header.Entries.Select(e => e.Name.Split('.')[0]).Distinct().Order());
        Assert.Equal(["pytorch_lora_weights.safetensors"],
            Directory.GetFiles(In("out"), "*.safetensors").Select(Path.GetFileName));
        Assert.Contains("expected one on each layer",
            Run(Command("--strategy", "lora", "text", "--dry-run", "-o", "twice")).Error);
        Assert.Equal(2, File.ReadAllLines(In("out/training/log.jsonl")).Length);
        var provenance = JsonNode.Parse(File.ReadAllText(In("out/fine-tuning.provenance.json")))!;
        Assert.Equal("lora", (string?)provenance["recipe"]!["strategy"]![0]!["kind"]);
        Assert.Contains("finished", Run(Command("--strategy", "lora", "-o", "out")).Error);
    }

    [MpiFact]
    public void TwoRanksMakeTheLoraThatOneMakes()
    {
        string[] more = ["--strategy", "lora", "--rank", "4", "--batch", "2", "--accumulation", "2"];
        Good(Command([.. more, "-o", "one"]));
        var start = new ProcessStartInfo(MpiFactAttribute.Launcher, ["-n", "2", Environment.ProcessPath!,
            typeof(Failures).Assembly.Location, .. Command([.. more, "-o", "two"])])
        {
            WorkingDirectory = Folder, RedirectStandardError = true,
        };
        using (var ranks = Process.Start(start)!)
        {
            var said = ranks.StandardError.ReadToEnd();
            ranks.WaitForExit();
            Assert.True(ranks.ExitCode == 0, said);
            Assert.Contains("rank 1 of 2", said);
        }
        using var one = SafeTensorsFile.Open(In("one/pytorch_lora_weights.safetensors"));
        using var two = SafeTensorsFile.Open(In("two/pytorch_lora_weights.safetensors"));
        Assert.All(one.Header.Entries, entry =>
        {
            using var difference = one.Read(entry.Name).sub(two.Read(entry.Name)).abs().max();
            Assert.True(difference.ToSingle() <= 1e-6f, entry.Name);
        });
        var provenance = JsonNode.Parse(File.ReadAllText(In("two/fine-tuning.provenance.json")))!;
        Assert.Equal(2, (int)provenance["ran"]!["ranks"]!);
        Assert.Equal(2, File.ReadAllLines(In("two/training/log.jsonl")).Length);
    }

    [Fact]
    public void ARecipeThatIsShownIsTheRecipeThatRuns()
    {
        var (json, _) = Good(Command("--strategy", "best", "control:satellite", "--show", "-o", "out"));
        File.WriteAllText(In("recipe.json"), json);
        Assert.Equal(json, Good("finetune", "recipe.json", "--show", "-o", "out").Out);
        Assert.Equal(["full", "lora", "token", "control"],
            JsonNode.Parse(json)!["strategy"]!.AsArray().Select(s => (string)s!["kind"]!));
        Assert.False(Directory.Exists(In("out")));
    }

    [Fact]
    public void ADryRunSaysWhatIsNeeded()
    {
        var (output, _) = Good(Command("--strategy", "best", "--dry-run", "--plan", "100", "-o", "out"));
        Assert.Matches(@"512 .* 512 .*%", output);
        Assert.Matches(@"trained unet +[\d,]+ numbers", output);
        Assert.Matches(@"memory, most at once +[\d,]+ MB", output);
        Assert.False(Directory.Exists(In("out")));
    }

    [Fact]
    public void ARecipeOfTheKitRunsByItsName()
    {
        var (output, remarks) = Good("finetune", "finetune-vae-decoder", "--base", "sarsynth-small", "--steps", "2",
            "--batch", "1", "--device", "cpu", "--threads", "1", "-o", "out");
        Assert.Matches(@"vae\s+out", output);
        // Its data are scenes of validation and test alone: that is said, in one line.
        Assert.Single(remarks.Split('\n'), line => line.Contains("no tile lies in the training part"));
        Assert.Contains("AutoencoderKL", Good("models", "info", "out").Out);
    }

    [Fact]
    public void WhatIsMissingOrUnknownIsNamed()
    {
        Assert.Contains("--strategy: is missing", Run(Command("-o", "out")).Error);
        Assert.Contains("--strategy: found 'everything'", Run(Command("-s", "everything", "-o", "out")).Error);
        Assert.Contains("--base: is missing", Run("finetune", "--data", "x", "-s", "lora", "-o", "out").Error);
        Assert.Contains("landcover", Run(Command("-s", "control:landcover", "-o", "out")).Error);
    }
}

using System.Text.Json;
using SarSynth.Diffusion.Tokenizers;
using SarSynth.Tests.Support;

namespace SarSynth.Diffusion.Tests.Tokenizers;

public sealed class ClipTokenizerTests
{
    private static readonly string[] Captions =
    [
        "airborne SAR image of farmland, single look, 40 cm", "airborne SAR image of a forest, single look, 40 cm",
        "satellite SAR image of a town, 4 looks, 160 cm", "satellite SAR image of water, 4 looks, 160 cm",
    ];

    [OptionalDataTheory("goldens/tokenizer_full")]
    [InlineData("full", "tok1", "<|endoftext|>")]
    [InlineData("full", "tok2", "!")]
    [InlineData("tiny", "tok1", "<|endoftext|>")]
    [InlineData("tiny", "tok2", "!")]
    public void IdsEqualTheSlowTokenizerOfTransformers(string vocabulary, string style, string padToken)
    {
        using var golden =
            JsonDocument.Parse(File.ReadAllBytes(TestData.Optional("goldens/tokenizer/slow_noftfy.json")));
        var prompts = golden.RootElement.GetProperty("prompts").EnumerateArray().Select(p => p.GetString()!).ToArray();
        var expected = golden.RootElement.GetProperty(vocabulary);
        var tokenizer = ClipTokenizer.Load(TestData.Optional("goldens/tokenizer_" + vocabulary), padToken);
        tokenizer.Warn = _ => { };
        for (int i = 0; i < prompts.Length; i++)
        {
            var padded = tokenizer.EncodePadded(prompts[i]);
            Assert.Equal(Longs(expected, "ids_raw_" + style, i), tokenizer.Encode(prompts[i]).Select(id => (long)id));
            Assert.Equal(Longs(expected, "ids_77_" + style, i), padded.Ids);
            Assert.Equal(Longs(expected, "attention_mask_" + style, i), padded.AttentionMask);
        }
    }

    [OptionalDataTheory("goldens/tokenizer_full")]
    [InlineData("full")]
    [InlineData("tiny")]
    public void PiecesAndDecodedTextEqualTheSlowTokenizer(string vocabulary)
    {
        using var golden =
            JsonDocument.Parse(File.ReadAllBytes(TestData.Optional("goldens/tokenizer/slow_noftfy.json")));
        var prompts = golden.RootElement.GetProperty("prompts").EnumerateArray().Select(p => p.GetString()!).ToArray();
        var expected = golden.RootElement.GetProperty(vocabulary);
        var tokenizer = ClipTokenizer.Load(TestData.Optional("goldens/tokenizer_" + vocabulary));
        tokenizer.Warn = _ => { };
        for (int i = 0; i < prompts.Length; i++)
        {
            var tokens = expected.GetProperty("tokens")[i].EnumerateArray().Select(t => t.GetString()!).ToArray();
            Assert.Equal<IEnumerable<string>>(tokens,
                [ClipTokenizer.BeginToken, .. tokenizer.Tokenize(prompts[i]), ClipTokenizer.EndToken]);
            Assert.Equal(expected.GetProperty("decoded_skip_special")[i].GetString(),
                tokenizer.Decode(tokenizer.EncodePadded(prompts[i]).Ids.Select(id => (int)id)));
        }
    }

    [Theory] // NormalizationTest.txt of the Unicode standard: composition, reordering, exclusions, Hangul.
    [InlineData("e\u0301", "\u00E9")]
    [InlineData("a\u0300\u0301\u0302", "\u00E0\u0301\u0302")]
    [InlineData("\u1E0A\u0323", "\u1E0C\u0307")]
    [InlineData("D\u0307\u0323", "\u1E0C\u0307")]
    [InlineData("\u0958", "\u0915\u093C")]
    [InlineData("\u212B", "\u00C5")]
    [InlineData("\u1112\u1161\u11AB", "\uD55C")]
    [InlineData("\u2126x", "\u03A9x")]
    public void CompositionFollowsTheUnicodeStandard(string text, string composed) =>
        Assert.Equal(composed, UnicodeNfc.Normalize(text));

    [Fact]
    public void ASmallVocabularyFromCaptionsRoundTripsAndIsSmall()
    {
        var tokenizer = ClipTokenizer.Train(Captions, 640, maxLength: 24);
        Assert.InRange(tokenizer.VocabularySize, 515, 640);
        foreach (var caption in Captions)
        {
            Assert.Equal(caption.ToLowerInvariant(), tokenizer.Decode(tokenizer.Encode(caption)).Replace("4 0", "40")
                .Replace("1 6 0", "160"));
            // Every word of the captions has become one token (digits always stand alone).
            Assert.True(tokenizer.Tokenize(caption).Count <= caption.Split(' ').Length + 4);
        }
        Assert.Equal("river in the fog", tokenizer.Decode(tokenizer.Encode("River in the FOG")));
    }

    [Fact]
    public void ASavedTokenizerIsReadBackTheSame()
    {
        var folder = Directory.CreateTempSubdirectory("tokenizer").FullName;
        try
        {
            var made = ClipTokenizer.Train(Captions, 600, maxLength: 16);
            int learned = made.AddToken("<sar>");
            made.Save(folder);
            var read = ClipTokenizer.Load(folder);
            Assert.Equal(16, read.MaxLength);
            Assert.Equal(learned, read.Encode("an image, <sar>")[^2]);
            foreach (var caption in Captions)
                Assert.Equal(made.Encode(caption + " <sar>"), read.Encode(caption + " <sar>"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void ALongPromptIsCutAndTheWarningShowsWhat()
    {
        var tokenizer = ClipTokenizer.Train(Captions, 640, maxLength: 8);
        var lines = new List<string>();
        tokenizer.Warn = lines.Add;
        var prompt = tokenizer.EncodePadded("airborne SAR image of farmland, single look");
        Assert.Equal(8, prompt.Ids.Length);
        Assert.Equal(tokenizer.EndId, prompt.Ids[7]);
        Assert.Equal("single look", prompt.Truncated);
        Assert.Contains("\"single look\"", Assert.Single(lines));
    }

    [Fact]
    public void ABrokenFolderIsNamed()
    {
        var folder = Directory.CreateTempSubdirectory("tokenizer").FullName;
        try
        {
            Assert.Contains("vocab.json", Assert.Throws<InvalidDataException>(() => ClipTokenizer.Load(folder))
                .Message);
            File.WriteAllText(Path.Combine(folder, "vocab.json"), "{\"a\": 0}");
            File.WriteAllText(Path.Combine(folder, "merges.txt"), "#version: 0.2\na b\n");
            Assert.Contains(ClipTokenizer.BeginToken,
                Assert.Throws<InvalidDataException>(() => ClipTokenizer.Load(folder)).Message);
            File.WriteAllText(Path.Combine(folder, "vocab.json"),
                $"{{\"a\": 0, \"{ClipTokenizer.BeginToken}\": 1, \"{ClipTokenizer.EndToken}\": 2}}");
            File.WriteAllText(Path.Combine(folder, "merges.txt"), "#version: 0.2\na b c\n");
            Assert.Contains("line 2", Assert.Throws<InvalidDataException>(() => ClipTokenizer.Load(folder)).Message);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static IEnumerable<long> Longs(JsonElement vocabulary, string name, int row) =>
        vocabulary.GetProperty(name)[row].EnumerateArray().Select(id => id.GetInt64());
}

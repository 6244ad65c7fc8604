using System.Text;
using System.Text.Json.Nodes;
using SarSynth.Kernel.Protocol;

namespace SarSynth.Kernel.Tests;

public sealed class WireTests
{
    // Signature by Python: hmac.new(b'key',
    // b'{"msg_id":"1","session":"s","msg_type":"t"}{}{}{"a":1}', 'sha256').hexdigest()
    private const string Known = "00c109320f1135c034967d1330604242842472750f8082ce1fae03974e7f4937";

    private static List<byte[]> Frames(params string[] frames) => [.. frames.Select(Encoding.UTF8.GetBytes)];

    private static List<byte[]> Good(string signature = Known) =>
        Frames("id", "<IDS|MSG>", signature, """{"msg_id":"1","session":"s","msg_type":"t"}""", "{}", "{}",
            """{"a":1}""", "buffer");

    [Fact]
    public void ReadsAMessageThatPythonSigned()
    {
        var message = new Wire("key"u8.ToArray()).Read(Good());
        Assert.Equal(("t", "1", "s", 1), (message.Type, message.Id, message.Session, message.Number("a", 0)));
        Assert.Equal("buffer", Encoding.UTF8.GetString(Assert.Single(message.Buffers)));
        Assert.Equal("id", Encoding.UTF8.GetString(Assert.Single(message.Identities)));
    }

    [Fact]
    public void RefusesAReplay()
    {
        var wire = new Wire("key"u8.ToArray());
        wire.Read(Good());
        Assert.Contains("replay", Assert.Throws<BadMessageException>(() => wire.Read(Good())).Message);
    }

    [Fact]
    public void RefusesAnyChangedByteOfTheSignedParts()
    {
        for (var part = 2; part < 7; part++)
            for (var at = 0; at < Good()[part].Length; at++)
            {
                var frames = Good();
                frames[part][at] ^= 1;
                Assert.Throws<BadMessageException>(() => new Wire("key"u8.ToArray()).Read(frames));
            }
    }

    [Theory]
    [InlineData("[]", "{}")]
    [InlineData("{}", "{}")]
    [InlineData("""{"msg_id":1,"session":"s","msg_type":"t"}""", "{}")]
    [InlineData("""{"msg_id":"1","session":"s","msg_type":"t"}""", "null")]
    [InlineData("""{"msg_id":"1","session":"s","msg_type":"t"}""", """{"a":1,"a":2}""")]
    [InlineData("""{"msg_id":"1","session":"s","msg_type":"t"}""", """{"a":""")]
    public void RefusesWhatIsNotAMessage(string header, string content) =>
        Assert.Throws<BadMessageException>(() => new Wire([])
            .Read(Frames("<IDS|MSG>", "", header, "{}", "{}", content)));

    [Fact]
    public void ReadsBackWhatItWrites()
    {
        var content = new JsonObject { ["text"] = "\u00e4 \"quoted\" \ud83d\ude00 \n", ["n"] = 1.5 };
        var frames = new Wire("k"u8.ToArray())
            .Write(["topic"u8.ToArray()], "stream", "{\"msg_id\":\"p\"}"u8.ToArray(), content);
        var message = new Wire("k"u8.ToArray()).Read(frames);
        Assert.Equal("p", message.ParentId);
        Assert.True(JsonNode.DeepEquals(content, message.Content));
    }
}

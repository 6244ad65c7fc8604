using Microsoft.DotNet.Interactive.Formatting;

namespace SarSynth.Kernel.Tests;

public sealed class FormatterTests
{
    private sealed record Person(string Name, int Age);

    private sealed class Loop
    {
        public Loop? Self { get; set; }
        public int Bad => throw new InvalidOperationException("no value");
    }

    private class Animal;

    private sealed class Cat : Animal;

    [Theory]
    [InlineData(1.5, "1.5")]
    [InlineData(true, "True")]
    [InlineData("text", "text")]
    [InlineData(null, "<null>")]
    [InlineData(new[] { 1, 2, 3 }, "int[] [ 1, 2, 3 ]")]
    public void PlainText(object? value, string expected) => Assert.Equal(expected, value.ToDisplayString());

    [Fact]
    public void TextIsEncodedInHtml()
    {
        var html = new[] { new Person("<script>", 1) }.ToDisplayString("text/html");
        Assert.DoesNotContain("<script>", html);
        Assert.Contains("&lt;script&gt;", html);
        Assert.Contains("Age</th>", html);
    }

    [Fact]
    public void CyclesAndThrowingGettersAreShown()
    {
        var loop = new Loop();
        loop.Self = loop;
        foreach (var mimeType in new[] { "text/plain", "text/html" })
        {
            var text = loop.ToDisplayString(mimeType);
            Assert.Contains("shown above", text);
            Assert.Contains("no value", text);
        }
    }

    [Fact]
    public void LongSequencesAreCutAndCounted()
    {
        var text = Enumerable.Range(0, 1000).ToList().ToDisplayString("text/html");
        Assert.Contains("(980 more)", text);
        Assert.Equal(20 + 2, text.Split("<tr>").Length - 1);
    }

    [Fact]
    public void TheMostDerivedRegistrationWins()
    {
        Formatter.Register<Animal>(_ => "animal", "text/html");
        Formatter.Register<Cat>(_ => "cat", "text/html");
        Assert.Equal("cat", new Cat().ToDisplayString("text/html"));
        Assert.Equal("animal", new Animal().ToDisplayString("text/html"));
        Assert.Contains("cat", new[] { new Cat() }.ToDisplayString("text/html"));
    }

    [Theory]
    [InlineData(new byte[] { 0x89, 0x50, 0x4E, 0x47, 1 }, "image/png")]
    [InlineData(new byte[] { 0xFF, 0xD8, 0xFF, 0 }, "image/jpeg")]
    public void ImagesKnowTheirType(byte[] content, string mimeType)
    {
        var bundle = Formatter.Bundle(Microsoft.DotNet.Interactive.Kernel.Image(content), []);
        Assert.Equal(Convert.ToBase64String(content), bundle.Single(v => v.MimeType == mimeType).Value);
    }

    [Fact]
    public void OtherBytesAreNoImage() =>
        Assert.Throws<ArgumentException>(() => Microsoft.DotNet.Interactive.Kernel.Image([1, 2, 3]));
}

using Microsoft.CodeAnalysis.CSharp;
using SarSynth.Kernel.Execution;

namespace SarSynth.Kernel.Tests;

public sealed class GuardTests
{
    private static string Rewrite(string code) =>
        GuardRewriter.Rewrite(CSharpSyntaxTree.ParseText(code, Session.ParseOptions), lambdas: true).ToString();

    [Theory]
    [InlineData("while (true) ;")]
    [InlineData("for (;;)\n{\n}\n")]
    [InlineData("foreach (var x in y)\n    F(x);")]
    [InlineData("do { } while (true);")]
    [InlineData("again: F(); goto again;")]
    [InlineData("Action a = () => { };")]
    [InlineData("x.Where(i => i < 0)")]
    [InlineData("Parallel.For(0, 9, i => F(i));")]
    [InlineData("try\n{\n}\ncatch\n{\n}\nF();")]
    [InlineData("try { } catch (Exception e) when (e.Message == \"\") { }")]
    public void ChecksComeInWithoutMovingLines(string code)
    {
        var rewritten = Rewrite(code);
        Assert.Contains("Guard", rewritten);
        Assert.Equal(code.Split('\n').Length, rewritten.Split('\n').Length);
        Assert.Empty(CSharpSyntaxTree.ParseText(rewritten, Session.ParseOptions).GetDiagnostics());
        var (before, after) = (code.Split('\n'), rewritten.Split('\n'));
        for (var line = 0; line < before.Length; line++)
            foreach (var word in before[line].Split((char[])[' ', '(', ')', ';', '.'],
                StringSplitOptions.RemoveEmptyEntries))
                Assert.Contains(word, after[line]);
    }

    [Theory]
    [InlineData("var a = 1 + 1; Console.WriteLine(a);")]
    [InlineData("try { } catch (FileNotFoundException) { }")]
    public void OtherCodeIsLeftAlone(string code) => Assert.Equal(code, Rewrite(code));

    [Fact]
    public async Task ExpressionTreesAreLeftAsWritten()
    {
        var session = new Session(Environment.CurrentDirectory);
        var submission = session.Prepare(
            "System.Linq.Expressions.Expression<Func<int, bool>> e = i => i < 0;\nnew[] { 1, -1 }.Where(i => i < "
                + "0).Count() + e.ToString()", "In[1]");
        Assert.Equal("1i => (i < 0)", await submission.Run!());
    }

    [Fact]
    public async Task CheckedCodeComputesTheSame()
    {
        var session = new Session(Environment.CurrentDirectory);
        var submission = session.Prepare("""
            var sum = 0;
            for (int i = 0; i < 10; i++) sum += i;
            foreach (var x in new[] { 1, 2 }) if (x > 1) sum += x;
            try { throw new Exception("1000"); }
            catch (Exception e) when (e.Message.Length == 4) { sum += int.Parse(e.Message); }
            sum += new[] { 5, 6 }.Select(x => x * 2).Where(x => x > 10).Sum();
            sum
            """, "In[1]");
        Assert.Equal(45 + 2 + 1000 + 12, await submission.Run!());
    }
}

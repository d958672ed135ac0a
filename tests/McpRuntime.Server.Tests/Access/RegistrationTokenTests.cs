using McpRuntime.Core.Records;
using McpRuntime.Server.Access;
using McpRuntime.Server.Records;
using McpRuntime.Server.Records.Secrets;

namespace McpRuntime.Server.Tests.Access;

/// <summary>The tokens that an outer gateway is given.</summary>
internal sealed class RegistrationTokenTests
{
    private const string Record = "01record000000000000000000";

    private static readonly MasterKey Key = new(new byte[MasterKey.Size]);

    private readonly SettableTime _time = new();
    private MemoryTokenStore _store = null!;
    private RegistrationTokens _tokens = null!;

    [SetUp]
    public void SetUp()
    {
        _store = new MemoryTokenStore();
        _tokens = new RegistrationTokens(_store, Key, _time);
    }

    [Test]
    public async Task A_token_is_the_same_on_every_replica_and_opens_its_runtime_alone()
    {
        var marker = await MarkerAsync();
        var text = (await _tokens.OpenAsync(Record, marker, default)).Reveal();
        var other = (await new RegistrationTokens(_store, Key, _time).OpenAsync(Record, marker, default)).Reveal();

        other.Should().Be(text);
        ApiTokens.IsWellFormed(text).Should().BeTrue();
        (await new ApiTokens(_store, new Patience(_time), _time).FindAsync(text, default)).Should().Match<ApiToken>(token => token.RuntimeId == Record && token.Roles == Roles.Caller);
        (await _tokens.OpenAsync("01another00000000000000000", marker, default)).Reveal().Should().NotBe(text);
        (await MarkerAsync()).Should().Be(marker, "a token that is in use is not due");
    }

    [Test]
    public async Task It_is_due_each_month_and_the_one_before_still_opens_meanwhile()
    {
        var marker = await MarkerAsync();
        var text = (await _tokens.OpenAsync(Record, marker, default)).Reveal();

        _time.Now += TimeSpan.FromDays(30);

        (await MarkerAsync()).Should().NotBe(marker);
        (await new ApiTokens(_store, new Patience(_time), _time).FindAsync(text, default)).Should().NotBeNull();
        _time.Now += TimeSpan.FromDays(31);
        (await new ApiTokens(_store, new Patience(_time), _time).FindAsync(text, default)).Should().BeNull();
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task One_that_was_revoked_or_cut_short_by_hand_is_followed_by_another(bool revoked)
    {
        var marker = await MarkerAsync();
        var text = (await _tokens.OpenAsync(Record, marker, default)).Reveal();

        _store.End(revoked ? token => token with { RevokedAt = _time.Now } : token => token with { ExpiresAt = _time.Now + TimeSpan.FromMinutes(5) });

        var next = await MarkerAsync();
        next.Should().NotBe(marker);
        (await _tokens.OpenAsync(Record, next, default)).Reveal().Should().NotBe(text);
        (await MarkerAsync()).Should().Be(next);
    }

    [Test]
    public async Task With_the_registration_its_tokens_end()
    {
        var text = (await _tokens.OpenAsync(Record, await MarkerAsync(), default)).Reveal();

        await _tokens.RevokeAsync(Record, default);

        (await new ApiTokens(_store, new Patience(_time), _time).FindAsync(text, default)).Should().BeNull();
    }

    private async Task<string> MarkerAsync() => (await _tokens.MarkersAsync(Record, default))(Record);

    private sealed class SettableTime : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = new(2026, 1, 15, 0, 0, 0, TimeSpan.Zero);

        public override DateTimeOffset GetUtcNow() => Now;
    }

    private sealed class MemoryTokenStore : ITokenStore
    {
        private readonly Dictionary<string, (ApiToken Token, string Hash)> _rows = new(StringComparer.Ordinal);

        public void End(Func<ApiToken, ApiToken> change)
        {
            var (token, hash) = _rows.Values.Single();
            _rows[token.Id] = (change(token), hash);
        }

        public Task<ApiToken?> FindByHashAsync(string hash, CancellationToken ct) => Task.FromResult(_rows.Values.FirstOrDefault(row => row.Hash == hash).Token)!;

        public Task AddAsync(ApiToken token, string hash, CancellationToken ct)
        {
            _rows.TryAdd(token.Id, (token, hash));
            return Task.CompletedTask;
        }

        public Task<IReadOnlyList<ApiToken>> ListAsync(CancellationToken ct) => Task.FromResult<IReadOnlyList<ApiToken>>([.. _rows.Values.Select(row => row.Token)]);

        public Task<IReadOnlyList<ApiToken>> OfRuntimeAsync(string runtimeId, CancellationToken ct) =>
            Task.FromResult<IReadOnlyList<ApiToken>>([.. _rows.Values.Select(row => row.Token).Where(token => token.RuntimeId == runtimeId)]);

        public Task<bool> RevokeAsync(string id, CancellationToken ct)
        {
            _rows[id] = (_rows[id].Token with { RevokedAt = DateTimeOffset.UnixEpoch }, _rows[id].Hash);
            return Task.FromResult(true);
        }
    }
}

"""Plain English that anybody says of goods and of shopping: nobody's own words."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


COMMON = _words(
    """
    able above accessories accessory action active actor actually addition adult adventure advice
    affordable age album already amount animated animation anniversary another anything apart
    aspect attribute author automatic average away baby back background bag balance bargain based
    basic basket bath bathroom battery bed bedroom beginner beside best better big bigger birthday
    black blend blue bold book both bottle bought box boy brand breakfast brief bright broad brown
    browse browsed browsing budget bundle business buy buyer buying cable calm camera camping car
    card care carefully cart case cast casual category centre chair character charger cheap
    cheerful child children choice choose christmas city classic clean clear clearly clever
    clicked close clothes clothing coat coffee cold collection color colour combination
    comfortable coming common compact companion company comparable compatible competitive
    complement complementary complete completely complex computer concrete condition consider
    consistent console contrast cook cooking cool coop cooperative core correct cost costly cosy
    country couple craft creative crime cup current customer cute daily dark day deal dear dearer
    dearest decade dedicated deep depth description desk detail device difference different
    difficult digital dinner direct director distance diverse diversity documentary doesn dog don
    drama dress drink dry durable early easy economical edition electric elegant else end entry
    episode era essential established even evening evidence exact exactly example exotic expensive
    experience expert explicit extra fairly familiar family famous fantasy far fashion fast faster
    feature fewer fiction film fine finer fits fitting five folks food formal format formats four
    franchise free frequent frequently fresh friend full fun functional funny furniture further
    future game gaming garden gear general genre gentle genuine gift girl glove gold good goods
    great green grey group grown hand handle handy happy hard headphones healthy heat heavily
    heavy height help here high hint history hobby holiday home horror hot house household husband
    idea identical immediate important indoor informal instead instrument intended intent
    intention interest interested interests isn item itself jacket joint kept keyboard kid kind
    kit kitchen knife lady lamp language large larger largest last late later latest layer lead
    learn learning leather length less level light lightweight like likely line linen little local
    long longer look lot loud love lower lunch luxury mainly mainstream major maker man manual
    mark market mass match matching material matter maybe mean medium member memory men mention
    mentioned metal mid mild mini minimal minor mixed mobile model moderate modern money month
    mood morning mother mouse movie multiplayer mum music mystery name narrow natural near nearest
    necessary need needed neither neutral nice niche night noir noise none normal note notice
    novel novelty number obvious occasion odd offer office often older online open option orange
    ordinary original others outdoor outfit overall overvalue own pack packed pair paper parent
    part particular partner parts party past pattern peaceful people perhaps person personal pet
    phone photo picture piece pink plain plan plastic plate platform play player please plenty
    plot point polite poor popular popularity portable possible practical precise preference
    preferred premium prequel present pretty previous price priced prices pricey primary print
    probably problem product professional profile proper purchase pure purple purpose puzzle
    quality question quick quiet quite racing rain range rank rare rarely rather rating ready real
    really reason reasonable recent recently recommendation red reference regular related relation
    relative relax relaxed relaxing release released relevant remaining remake repeat replacement
    request requested requirement review rich right romance romantic room rough sad safe sale
    sample say scary school science screen season seasonal second see seem seen selection self
    sense sequel series serious session set several shared sharp shelf shoe shooter shop shopper
    shopping short sign silent silver similar similarity simple simulation single sister size
    skill sleep sleeping slightly slower small smaller smart snow soft software solo some somebody
    someone something sometimes son song soon sort sound space spare speaker special specific
    spicy sport spring stable standard star start steel stock stone store story straight strategy
    strength strict strictly strong strongly structure student sturdy style subject suit suitable
    summer sun sunny support sure sustainable sweet swim table talk tall taste tea team technical
    teen ten tent term text thematic theme thick thin thing think third three thriller time tiny
    title today together ton tool top topic total touch tour toward toy trade traditional trait
    travel treat trend trendy trilogy trip true try tune twice two type typical undervalue unit
    unknown unlikely unusual upcoming use used useful user usual usually value variety various
    vegan version video view viewed vintage violent visit volume wall want wanted war warm watch
    water waterproof way wear wearing week weekend weight well western wet white whole wide width
    wife wild window winter wired wireless wish within woman women wood wooden wool word words
    work worker world worth wrong yard year years yellow yesterday young younger youth
    """
)
"""Without endings, mostly: "cosy" stands for "cosier", too."""

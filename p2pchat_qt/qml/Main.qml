import QtQuick
import QtQuick.Controls.Basic
import QtQuick.Layouts
import "controls"
import "pages"
import "dialogs"

// The window: the list of conversations, and beside it (or instead of it, where it is narrow) a page.
ApplicationWindow {
    id: window
    objectName: "window"
    property string page: "chat"
    readonly property bool isNarrow: width < 640
    readonly property bool isIn: startView.now.phase === "open"
        || (sidebarView.now.isLoaded && startView.now.phase !== "welcome" && startView.now.phase !== "locked")
    readonly property bool showsPage: !isNarrow || chatView.now.id !== "" || page !== "chat"
    property bool wantsDetails: false
    readonly property bool showsDetails: wantsDetails && chatView.now.id !== "" && page === "chat"
    readonly property real listWidth: Math.min(Theme.px(310), width * 0.42)
    // Beside the conversation, where enough of that is left to be read.
    readonly property bool hasRoomBeside: !isNarrow && width - listWidth - Theme.px(290) >= Theme.px(260)
    visible: true
    minimumWidth: 360
    minimumHeight: 480
    title: (sidebarView.now.unread > 0 ? "(" + sidebarView.now.unread + ") " : "") + "DChat"
    color: Theme.c.window
    font.pixelSize: Theme.normal

    // What stands behind another page is not read.
    readonly property bool isReading: active && page === "chat"
    onIsReadingChanged: chatView.seen(isReading)
    onClosing: close => { close.accepted = false; app.quit() }
    onWidthChanged: kept.restart()
    onHeightChanged: kept.restart()
    Timer { id: kept; interval: 800; onTriggered: app.resized(window.width, window.height) }

    function open(id) { page = "chat"; chatView.open(id) }
    function follow(link) { peopleView.look_at(link) }
    function confirmLink(link) {
        if (link.startsWith("dchat://"))
            follow(link)
        else
            ask.about(qsTr("Open this link?"), link, qsTr("Open"), () => app.open_link(link), false)
    }

    Component.onCompleted: {
        chatView.seen(active)
        if (page === "room" || page === "contact") { wantsDetails = true; page = "chat" }
        if (page === "welcome") page = "chat"
    }

    RowLayout {
        anchors.fill: parent
        anchors.topMargin: trouble.visible ? trouble.height : 0
        spacing: 0
        visible: window.isIn
        enabled: visible
        Sidebar {
            id: sidebar
            objectName: "sidebar"
            visible: !window.isNarrow || !window.showsPage
            page: window.page.split("-")[0]
            Layout.fillHeight: true
            Layout.fillWidth: window.isNarrow
            Layout.preferredWidth: window.isNarrow ? window.width : window.listWidth
            onOpened: id => window.open(id)
            onFoundAt: (id, message) => { window.page = "chat"; chatView.open_at(id, message) }
            onWent: page => { if (page === "chat" && window.isNarrow) chatView.open(""); window.page = page }
            onAdding: addContact.open()
            onCreating: createRoom.open()
            onJoining: joinRoom.open()
        }
        Rectangle {
            visible: !window.isNarrow
            Layout.fillHeight: true
            Layout.preferredWidth: 1
            color: Theme.c.line
        }
        StackLayout {
            visible: window.showsPage
            Layout.fillWidth: true
            Layout.fillHeight: true
            currentIndex: ["chat", "contacts", "network", "settings", "settings-network", "settings-lan"].indexOf(window.page)
            ChatPage {
                id: chatPage
                objectName: "chatPage"
                isNarrow: window.isNarrow
                hasNobody: sidebar.isEmpty
                onBack: chatView.open("")
                onDetailed: window.wantsDetails = !window.wantsDetails
                onSafety: (account, name) => safety.about(account, name, true)
                onLinkWanted: link => window.confirmLink(link)
                onAdding: addContact.open()
            }
            Loader {
                active: window.page === "contacts" || item
                sourceComponent: ContactsPage {
                    objectName: "contactsPage"
                    canGoBack: window.isNarrow
                    onBack: window.page = "chat"
                    onOpened: id => window.open(id)
                    onAdding: addContact.open()
                    onSafety: (account, name, isTrust) => safety.about(account, name, isTrust)
                    onAsked: (title, words, yes, act) => ask.about(title, words, yes, act)
                }
            }
            Loader {
                active: window.page === "network" || item
                sourceComponent: NetworkPage {
                    objectName: "networkPage"
                    canGoBack: window.isNarrow
                    onBack: window.page = "chat"
                    onWent: page => window.page = page
                }
            }
            Loader {
                active: window.page === "settings" || item
                sourceComponent: SettingsPage {
                    objectName: "settingsPage"
                    canGoBack: window.isNarrow
                    onBack: window.page = "chat"
                    onAsked: (title, words, yes, act) => ask.about(title, words, yes, act)
                    onWent: page => window.page = page
                }
            }
            Loader {
                active: window.page === "settings-network" || item
                sourceComponent: NetworkSettingsPage {
                    objectName: "networkSettingsPage"
                    onBack: window.page = "settings"
                    onWent: page => window.page = page
                }
            }
            Loader {
                active: window.page === "settings-lan" || item
                sourceComponent: LanSettingsPage {
                    objectName: "lanSettingsPage"
                    onBack: window.page = "settings"
                    onAsked: (title, words, yes, act) => ask.about(title, words, yes, act)
                    onWent: page => window.page = page
                }
            }
        }
        Loader {
            visible: window.showsDetails && window.hasRoomBeside
            active: visible
            Layout.fillHeight: true
            Layout.preferredWidth: Theme.px(290)
            sourceComponent: about
        }
    }
    Popup {
        // The same details where there is no room beside the conversation.
        parent: Overlay.overlay
        id: aside
        visible: window.showsDetails && !window.hasRoomBeside && window.isIn
        onClosed: if (!window.hasRoomBeside) window.wantsDetails = false
        x: parent ? parent.width - width : 0
        height: parent ? parent.height : 0
        width: parent ? Math.min(parent.width, Theme.px(320)) : 0
        padding: 0
        modal: true
        focus: true
        Overlay.modal: Rectangle { color: Theme.c.shade }
        background: Rectangle { color: Theme.c.window }
        contentItem: Loader { active: aside.visible; sourceComponent: about }
    }
    Component {
        id: about
        Details {
            objectName: "details"
            onSafety: (account, name) => safety.about(account, name, false)
            onAsked: (title, words, yes, act) => ask.about(title, words, yes, act)
            onInviting: invite.about(chatView.now.id)
            onLetIn: letIn.about(chatView.now.id)
            onDone: window.wantsDetails = false
        }
    }
    Welcome {
        objectName: "welcome"
        anchors.fill: parent
        visible: !window.isIn
        enabled: visible
    }
    Trouble {
        id: trouble
        objectName: "trouble"
        visible: window.isIn && startView.now.phase === "failed"
        width: parent.width
    }
    Toast { id: toast; objectName: "toast"; parent: Overlay.overlay }

    AddContact { id: addContact; objectName: "addContact" }
    CreateRoom { id: createRoom; objectName: "createRoom" }
    JoinRoom { id: joinRoom; objectName: "joinRoom" }
    Invite { id: invite; objectName: "invite" }
    LetIn { id: letIn; objectName: "letIn" }
    Safety { id: safety; objectName: "safety" }
    Linked { id: linked; objectName: "linked" }
    Ask { id: ask; objectName: "ask" }
    QuickSwitcher { id: switcher; objectName: "switcher"; onOpened_: id => window.open(id) }

    Connections {
        target: app
        function onLink_given(link) { if (link !== "") window.follow(link) }
        function onOpening(id) { window.open(id) }
        function onAsked_to_show() { window.show(); window.raise(); window.requestActivate() }
    }
    Connections {
        target: app.said
        function onTold(sentence, isError) { toast.show(sentence, isError) }
    }
    Connections {
        target: peopleView
        function onVerified(name) { safety.close(); app.said.tell(qsTr("%1 is verified.").arg(name)) }
        function onLinked(found) { addContact.close(); joinRoom.close(); linked.about(found) }
        function onAdded(id) { window.open(id) }
    }
    Connections {
        target: roomsView
        function onEntered(id) { createRoom.close(); joinRoom.close(); window.open(id) }
        function onLeft(id) { if (chatView.now.id === id) chatView.open("") }
    }

    Shortcut { sequences: ["Ctrl+K"]; enabled: window.isIn; onActivated: switcher.open() }
    Shortcut { sequences: ["Ctrl+F"]; enabled: window.isIn; onActivated: sidebar.search() }
    Shortcut { sequences: ["Ctrl+N"]; enabled: window.isIn; onActivated: addContact.open() }
    Shortcut { sequences: ["Ctrl+1"]; enabled: window.isIn; onActivated: window.page = "chat" }
    Shortcut { sequences: ["Ctrl+2"]; enabled: window.isIn; onActivated: window.page = "contacts" }
    Shortcut { sequences: ["Ctrl+3"]; enabled: window.isIn; onActivated: window.page = "network" }
    Shortcut { sequences: ["Ctrl+,", "Ctrl+4"]; enabled: window.isIn; onActivated: window.page = "settings" }
    Shortcut { sequences: [StandardKey.Quit]; onActivated: app.quit() }
    Shortcut { sequences: ["Alt+Down"]; enabled: window.isIn; onActivated: sidebar.step(1) }
    Shortcut { sequences: ["Alt+Up"]; enabled: window.isIn; onActivated: sidebar.step(-1) }
}

import QtQuick
import QtQuick.Controls.Basic
import QtQuick.Layouts
import "controls"

// The conversations, what is looked for, and the ways to the other pages.
Rectangle {
    id: sidebar
    property string page
    readonly property bool isEmpty: list.count === 0 && sidebarView.now.filter === "" && sidebarView.now.isLoaded
    signal opened(string id)
    signal foundAt(string id, string message)
    signal went(string page)
    signal adding()
    signal creating()
    signal joining()
    color: Theme.c.sidebar

    function search() { field.forceActiveFocus(); field.selectAll() }
    function step(by) {
        const model = sidebarView.conversations, count = model.rowCount()
        for (let n = 0; n < count; n++)
            if (model.at(n).id === chatView.now.id) {
                const to = model.at(n + by)
                if (to.id) opened(to.id)
                return
            }
        if (count > 0) opened(model.at(0).id)
    }

    ColumnLayout {
        anchors.fill: parent
        spacing: 0
        RowLayout {
            Layout.fillWidth: true
            Layout.margins: 10
            spacing: 6
            Field {
                id: field
                objectName: "search"
                Layout.fillWidth: true
                implicitHeight: Theme.px(36)
                placeholderText: qsTr("Search")
                leftPadding: Theme.px(36)
                rightPadding: text !== "" ? Theme.px(34) : 12
                onTextChanged: sidebarView.look_for(text)
                Keys.onEscapePressed: clear()
                Keys.onDownPressed: { list.currentIndex = 0; list.forceActiveFocus() }
                Keys.onReturnPressed: list.choose(0)
                Keys.onEnterPressed: list.choose(0)
                IconButton {
                    sign: "search"
                    enabled: false
                    icon.color: Theme.c.faint
                    icon.width: Theme.px(18)
                    icon.height: Theme.px(18)
                    size: Theme.px(36)
                    Accessible.ignored: true
                }
                IconButton {
                    visible: field.text !== ""
                    anchors.right: parent.right
                    sign: "close"
                    text: qsTr("Clear")
                    size: Theme.px(36)
                    icon.width: Theme.px(16)
                    icon.height: Theme.px(16)
                    onClicked: field.clear()
                }
            }
            IconButton {
                objectName: "new"
                sign: "plus"
                text: qsTr("New")
                tint: Theme.c.accent
                onClicked: news.popup(this, 0, height)
            }
            Choices {
                id: news
                objectName: "newMenu"
                Entry { objectName: "newContact"; text: qsTr("Add a contact"); sign: "people"; onTriggered: sidebar.adding() }
                Entry { objectName: "newRoom"; text: qsTr("New room"); sign: "room"; onTriggered: sidebar.creating() }
                Entry { objectName: "newJoin"; text: qsTr("Join a room"); sign: "link"; onTriggered: sidebar.joining() }
            }
        }
        ConnectionStrip { Layout.fillWidth: true }
        ListView {
            id: list
            objectName: "conversations"
            Layout.fillWidth: true
            Layout.fillHeight: true
            clip: true
            model: sidebarView.matching
            boundsBehavior: Flickable.StopAtBounds
            activeFocusOnTab: true
            keyNavigationEnabled: true
            Accessible.role: Accessible.List
            Accessible.name: qsTr("Conversations")
            ScrollBar.vertical: ScrollBar {}
            function choose(place) { const row = model.at(place); if (row.id) sidebar.opened(row.id) }
            Keys.onReturnPressed: choose(currentIndex)
            Keys.onEnterPressed: choose(currentIndex)
            delegate: ConversationRow {
                width: list.width
                onChosen: sidebar.opened(conversationId)
            }
            footer: Column {
                width: list.width
                Words {
                    visible: found.count > 0
                    text: qsTr("Messages")
                    color: Theme.c.faint
                    font.pixelSize: Theme.small
                    font.weight: Font.DemiBold
                    leftPadding: 16
                    topPadding: 12
                    bottomPadding: 6
                }
                Repeater {
                    id: found
                    model: sidebarView.found
                    delegate: FoundRow {
                        width: list.width
                        onChosen: sidebar.foundAt(conversation, messageId)
                    }
                }
                Words {
                    visible: sidebarView.now.filter !== "" && found.count === 0 && list.count === 0
                    width: parent.width
                    padding: 24
                    text: qsTr("Nothing was found.")
                    color: Theme.c.faint
                    horizontalAlignment: Text.AlignHCenter
                }
            }
            Empty {
                anchors.centerIn: parent
                width: parent.width - 40
                visible: sidebar.isEmpty
                sign: "chats"
                title: qsTr("No conversations yet")
                hint: qsTr("Give your link to a friend, or paste theirs.")
                action: qsTr("Add a contact")
                onActed: sidebar.adding()
            }
        }
        Rectangle { Layout.fillWidth: true; implicitHeight: 1; color: Theme.c.line }
        RowLayout {
            Layout.fillWidth: true
            Layout.margins: 6
            spacing: 0
            Repeater {
                model: [
                    { page: "chat", sign: "chats", text: qsTr("Chats") },
                    { page: "contacts", sign: "people", text: qsTr("Contacts") },
                    { page: "network", sign: "network", text: qsTr("Network") },
                    { page: "settings", sign: "settings", text: qsTr("Settings") }
                ]
                NavButton {
                    required property var modelData
                    objectName: "go-" + modelData.page
                    Layout.preferredWidth: 1
                    Layout.fillWidth: true
                    sign: modelData.sign
                    text: modelData.text
                    isHere: sidebar.page === modelData.page
                    count: modelData.page === "chat" ? sidebarView.now.unread
                        : modelData.page === "contacts" ? sidebarView.now.requests : 0
                    onClicked: sidebar.went(modelData.page)
                }
            }
        }
    }
}

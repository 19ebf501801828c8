import QtQuick
import QtQuick.Controls.Basic
import "controls"
import "bubbles"

// What was said, growing upwards. Where one reads is kept as a message and an offset, so that
// neither older pages nor new messages move what is being read.
Item {
    id: timeline
    property bool isRoom: false
    readonly property alias list: list
    signal linkWanted(string link)
    signal menuWanted(var row, Item item, real x, real y)
    signal reacted(string id, string emoji, bool mine)
    signal explainWanted(string id)

    function lastOwn() {
        for (let n = 0; n < Math.min(list.count, 40); n++) {
            const item = list.itemAtIndex(n)
            if (item && item.own && !item.isDeleted)
                return item.messageId
        }
        return ""
    }
    function show(id) {
        const row = chatView.timeline.row_of(id)
        if (row < 0)
            return
        list.positionViewAtIndex(row, row === 0 ? ListView.Beginning : ListView.Center)
        if (row > 0) {
            list.shownId = id
            fade.restart()
        }
        tell()
    }
    // From the oldest unread message on; at the end, if all of them have room.
    function resume(id) {
        const row = chatView.timeline.row_of(id)
        if (row >= 0) {
            list.forceLayout()
            list.positionViewAtIndex(row, ListView.End)
        }
        tell()
    }
    function tell() {
        list.wasAtBottom = list.isAtBottom()
        chatView.at_end(list.wasAtBottom)
        if (list.count > 0 && list.contentY < list.originY + 1200)
            chatView.near_oldest()
        if (list.contentY > list.originY + list.contentHeight - list.height - 1200)
            chatView.near_newest()
    }

    ListView {
        id: list
        objectName: "messages"
        property string shownId: ""
        anchors.fill: parent
        model: chatView.timeline
        verticalLayoutDirection: ListView.BottomToTop
        reuseItems: true
        cacheBuffer: 600
        boundsBehavior: Flickable.StopAtBounds
        clip: true
        header: Item { width: 1; height: 8 }
        footer: Item { width: 1; height: 8 }
        activeFocusOnTab: true
        keyNavigationEnabled: true
        currentIndex: -1
        highlightFollowsCurrentItem: true
        Accessible.role: Accessible.List
        Accessible.name: qsTr("Messages")
        ScrollBar.vertical: ScrollBar {}
        property bool wasAtBottom: true
        onHeightChanged: if (wasAtBottom) positionViewAtBeginning()
        function isAtBottom() { return contentY >= originY + contentHeight - height - 40 }
        onContentYChanged: settle.start()  // and not anew each time: who scrolls on would never come to older pages
        onCountChanged: settle.start()
        // By the keyboard, to what is in sight; who clicks into a message stays where they read.
        onActiveFocusChanged: if (activeFocus && Window.activeFocusItem === list && currentIndex < 0)
            currentIndex = Math.max(0, indexAt(width / 2, contentY + height - 12))
        Keys.onMenuPressed: openMenu()
        Keys.onReturnPressed: openMenu()
        function openMenu() {
            if (currentItem)
                timeline.menuWanted(currentItem, currentItem, currentItem.width / 2, 10)
        }
        delegate: MessageRow {
            width: list.width
            isRoom: timeline.isRoom
            isShown: list.shownId === messageId
            onLinkWanted: link => timeline.linkWanted(link)
            onMenuWanted: (x, y) => timeline.menuWanted(this, this, x, y)
            onReacted: (emoji, mine) => timeline.reacted(messageId, emoji, mine)
            onExplainWanted: timeline.explainWanted(messageId)
            onReplyWanted: id => chatView.jump(id)
        }
    }
    Timer { id: settle; interval: 16; onTriggered: timeline.tell() }
    Timer { id: fade; interval: 1600; onTriggered: list.shownId = "" }
    Empty {
        anchors.centerIn: parent
        width: Math.min(parent.width - 40, 360)
        visible: list.count === 0 && chatView.now.isLoaded
        sign: "lock"
        title: qsTr("Nothing was said here yet")
        hint: chatView.now.isPublic ? qsTr("Anybody who knows the name of this room can read it.")
            : qsTr("What you write can only be read by who is in this conversation.")
    }
    Button {
        id: down
        objectName: "toEnd"
        visible: !list.isAtBottom() || chatView.now.unseen > 0
        anchors.right: parent.right
        anchors.bottom: parent.bottom
        anchors.margins: 14
        width: Theme.px(42)
        height: width
        display: AbstractButton.IconOnly
        text: qsTr("To the newest message")
        icon.source: Theme.icon("down")
        icon.color: Theme.c.faint
        Accessible.name: text
        background: Rectangle { radius: width / 2; color: Theme.c.window; border.width: 1; border.color: Theme.c.line }
        onClicked: { chatView.to_end(); list.positionViewAtBeginning() }
        Badge { count: chatView.now.unseen; anchors.horizontalCenter: parent.horizontalCenter; y: -8 }
    }
    Connections {
        target: chatView
        function onJumped(id) { Qt.callLater(timeline.show, id) }
        function onResumed(id) { timeline.resume(id) }
        function onOpened() { list.currentIndex = -1; list.positionViewAtBeginning() }
    }
    Connections {
        target: chatView.timeline
        property var kept: null
        property bool isOlder: false
        function onRowsAboutToBeInserted(parent, first) {
            kept = null
            isOlder = first > 0 && first >= chatView.timeline.rowCount()
            if (!isOlder && !list.isAtBottom()) {
                const item = list.itemAt(list.width / 2, list.contentY + list.height / 2)
                if (item) kept = { id: item.messageId, y: item.y - list.contentY }
            }
        }
        function onRowsInserted(parent, first) {
            if (isOlder)
                return
            if (kept === null)
                list.positionViewAtBeginning()
            else {
                list.forceLayout()
                const item = list.itemAtIndex(chatView.timeline.row_of(kept.id))
                if (item) list.contentY = item.y - kept.y
            }
        }
    }
}

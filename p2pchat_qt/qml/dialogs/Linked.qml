import QtQuick
import QtQuick.Layouts
import "../controls"

// Where a link leads, before anything is done.
Box {
    id: box
    property var found: ({})
    readonly property bool isRoom: found.kind === "room"
    readonly property bool isMe: found.kind === "me"
    readonly property bool isKnown: found.state === "accepted"
    title: isRoom ? qsTr("Go into this room?") : qsTr("Add this contact?")
    function about(what) { found = what; open() }
    Words { visible: box.isRoom; text: box.found.name || ""; font.pixelSize: Theme.large; font.weight: Font.DemiBold; Layout.fillWidth: true }
    Words { visible: !box.isRoom; text: box.found.account || ""; elide: Text.ElideMiddle; font.family: "monospace"; Layout.fillWidth: true }
    Paragraph {
        Layout.fillWidth: true
        text: box.isMe ? qsTr("This is your own link. Give it to somebody else.")
            : box.isKnown ? qsTr("You are contacts already.")
            : box.isRoom ? qsTr("A member lets you in as soon as one can be reached.")
            : qsTr("They see your name and that you ask. Nobody can write before they accept.")
    }
    buttons: [
        PushButton {
            objectName: "followLink"
            visible: !box.isMe && !box.isKnown
            text: box.isRoom ? qsTr("Go in") : qsTr("Ask")
            primary: true
            onClicked: { box.close(); box.isRoom ? roomsView.join(box.found.link) : peopleView.add(box.found.link) }
        },
        PushButton { text: qsTr("Close"); onClicked: box.close() }
    ]
}

import QtQuick
import QtQuick.Layouts
import "../controls"

// A link into a room.
Box {
    id: box
    property string room
    property string uses: "1"
    property string days: "7"
    title: qsTr("Invite by a link")
    function about(id) { room = id; roomsView.forget_invite(); open() }
    Words { text: qsTr("How many may come by it"); color: Theme.c.faint; Layout.fillWidth: true }
    Choice { Layout.fillWidth: true; value: box.uses; options: ["1", "10", "100"].map(n => ({ value: n, text: n })); onChosen: value => { box.uses = value; roomsView.forget_invite() } }
    Words { text: qsTr("For how many days"); color: Theme.c.faint; Layout.fillWidth: true }
    Choice { Layout.fillWidth: true; value: box.days; options: ["1", "7", "30"].map(n => ({ value: n, text: n })); onChosen: value => { box.days = value; roomsView.forget_invite() } }
    PushButton {
        objectName: "makeInvite"
        visible: roomsView.now.invite === ""
        enabled: !roomsView.now.isInviting
        text: qsTr("Make the link")
        primary: true
        Layout.fillWidth: true
        Layout.bottomMargin: 12
        onClicked: roomsView.make_invite(box.room, parseInt(box.uses), parseInt(box.days))
    }
    Qr {
        source: roomsView.now.qr
        visible: roomsView.now.invite !== ""
        most: Theme.px(280)
        Layout.preferredWidth: side
        Layout.preferredHeight: side
        Layout.alignment: Qt.AlignHCenter
        Accessible.name: qsTr("The invitation as a QR code")
    }
    Copied { objectName: "inviteLink"; visible: roomsView.now.invite !== ""; words: roomsView.now.invite; done: qsTr("The invitation is copied"); Layout.fillWidth: true }
    Paragraph { visible: roomsView.now.invite !== ""; text: qsTr("It is shown this once. Who has it can come in."); color: Theme.c.faint; font.pixelSize: Theme.small; Layout.fillWidth: true; Layout.bottomMargin: 8 }
}
